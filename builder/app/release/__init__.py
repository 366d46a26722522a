"""Making releases, checking them, and comparing them."""
