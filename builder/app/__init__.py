"""What a user can ask for: make, plan, lock, verify, clean up."""
