"""What is said of a finished run: samples, baselines, what was copied, a diagnosis in words."""
