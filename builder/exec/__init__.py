"""Carrying out plans: which step runs when, with what, and how it ends."""
