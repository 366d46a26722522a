"""Putting on a card what makes it one node."""
