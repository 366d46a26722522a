"""Planning: which steps run, and why."""
