"""The store: results by key, complete or absent, shared by all builders of a machine."""
