"""What can be asked of clusters and their nodes."""
