"""The tests: short stories, each with a name that states what it promises."""
