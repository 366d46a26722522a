"""Clusters and their nodes, as whoever runs them keeps them: trust, credentials, what is put on devices."""
