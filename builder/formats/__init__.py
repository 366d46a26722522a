"""Formats that are read and written, each as plain data."""
