"""What a trained CharLSTM is, and how it generates text. Knows nothing about training."""
