"""Scenarios: labs that are made, put to the test, and removed."""
