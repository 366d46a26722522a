"""Every component of kedge, started natively from the built executable."""
