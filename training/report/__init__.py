"""What is said of a finished run: measures, baselines, what was copied, a judgement in words."""
