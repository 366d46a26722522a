"""What the builder costs in time and memory, each figure measured beside its alternative."""
