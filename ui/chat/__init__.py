"""The Chat tab (tab.py) and what it is made of: who speaks, settings, transcript, answers, pace."""
