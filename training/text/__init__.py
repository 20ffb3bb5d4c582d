"""What becomes of texts before they are learnt: read, encoded, understood as dialogues or lists."""
