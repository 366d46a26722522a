"""What is laid over packages: overlays, single files, accounts, settings, units, and what is left out again."""
