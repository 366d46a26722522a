"""Looks at executables before anybody relies on them: what they are, what they need, what they carry, what they are made of."""
