"""GRUB's environment blocks: which slot is tried next, in a file that GRUB overwrites in place.

The format is that of GRUB's `lib/envblk.c`. There are two copies, written one after the other; ADR 14 says why.
"""

from collections.abc import Mapping

from builder.core.errors import BuilderError

SIZE_BYTES = 1024
# Beyond one sector, a power cut could leave half of the old and half of the new.
_MOST_BYTES = 512
_SIGNATURE = "# GRUB Environment Block\n"
COPIES = ("grubenv", "grubenv2")
# As RAUC's GRUB backend calls them: the order, which slots may be started, which had their try; and how often all had it.
FRESH = {"ORDER": "A B", "A_OK": "1", "A_TRY": "0", "B_OK": "0", "B_TRY": "0", "ROUND": "0"}


def environment_block(variables: Mapping[str, str]) -> bytes:
    """The block that holds `variables`."""
    text = _SIGNATURE + "".join(f"{name}={value}\n" for name, value in variables.items())
    if len(text) > _MOST_BYTES:
        raise BuilderError(f"GRUB's variables take {len(text)} bytes, more than a sector of {_MOST_BYTES}")
    return text.ljust(SIZE_BYTES, "#").encode()
