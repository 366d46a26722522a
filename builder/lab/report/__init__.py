"""Reports of scenarios: for machines and for people. Pure."""
