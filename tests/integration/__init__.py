"""Tests with real tools."""
