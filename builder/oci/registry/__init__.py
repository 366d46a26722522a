"""Registries of container images (OCI distribution-spec 1.1): who we are to them, and what they have."""
