"""All that is needed to fit a CharLSTM to a text."""
