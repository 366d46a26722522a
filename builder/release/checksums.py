"""`SHA256SUMS`, as `sha256sum --check` reads it."""

import re
from collections.abc import Mapping

from builder.core.digest import Digest
from builder.core.errors import VerificationError

CHECKSUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  ([^/\\\0]+)")


def checksums_bytes(digests: Mapping[str, Digest]) -> bytes:
    """The content of the file for these digests by file name."""
    return "".join(f"{digest.hex}  {name}\n" for name, digest in sorted(digests.items())).encode()


def read_checksums(data: bytes) -> dict[str, Digest]:
    """What `checksums_bytes` wrote; `VerificationError` with every line that is none."""
    found: dict[str, Digest] = {}
    wrong: list[str] = []
    for number, line in enumerate(data.decode(errors="replace").splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if match is None or match[2] in found or match[2] in (".", ".."):
            wrong.append(f"{CHECKSUMS}:{number}: {line[:100]!r} is no checksum of a file beside it, or a second one")
        else:
            found[match[2]] = Digest.from_hex(match[1])
    if wrong:
        raise VerificationError(f"{CHECKSUMS} is damaged", details=wrong)
    return found
