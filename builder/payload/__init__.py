"""The payload of the cluster executable: helper files, compressed, appended to it."""
