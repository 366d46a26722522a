"""Container images as OCI defines them: made, gathered in bundles, read, and proven complete."""
