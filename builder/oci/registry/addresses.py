"""Where registries have things."""

from builder.oci.reference import Reference

# Docker's registry is asked under another name than its images have.
_SERVERS = {"docker.io": "registry-1.docker.io"}


def address_of(reference: Reference, what: str) -> str:
    """Where `what` (`blobs/DIGEST`, `manifests/TAG`) of a repository lies."""
    return f"https://{_SERVERS.get(reference.host, reference.host)}/v2/{reference.path}/{what}"
