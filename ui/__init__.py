"""The page: one file a tab, and what they share. app.py puts them together."""
