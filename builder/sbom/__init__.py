"""Bills of materials: what something that is shipped consists of."""
