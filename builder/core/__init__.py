"""The vocabulary that every layer shares: architectures, digests, errors, events, resources."""
