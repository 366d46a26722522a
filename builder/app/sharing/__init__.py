"""A cache of steps' results that several machines share: in a directory, or in a registry of container images."""
