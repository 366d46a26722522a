"""kedge in directories that hold nothing else: what it needs of its host is seen by what has to be handed in."""
