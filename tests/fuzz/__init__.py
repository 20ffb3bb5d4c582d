"""Hostile input, made from good input by seeded mutation: model folders and the page's events.

A short run of each is among the tests; `make fuzz` runs them for ten minutes and writes what came
of it into docs/security.md.
"""
