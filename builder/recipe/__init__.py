"""Recipes: what to build, as data."""
