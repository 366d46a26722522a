"""Known vulnerabilities: databases that a user has at hand, what they say of a bill of materials, and what somebody found out."""
