"""Steps: small functions with a typed input, and the keys that name their results."""
