"""What a trained character-level LSTM is, and how it generates text. Knows nothing about training."""
