"""Files with a disk in them: the forms in which images are written, and which of them a file has."""

from enum import StrEnum
from pathlib import Path

from builder.core.errors import RecipeError

_SECTOR_BYTES = 512
# The last bytes of the first sector of every disk with a partition table (UEFI 2.10, section 5.2.1).
_TABLE_SIGNATURE, _SIGNATURE_OFFSET = b"\x55\xaa", 510


class ImageFormat(StrEnum):
    """How an image is written down."""

    ZST = "zst"
    XZ = "xz"
    RAW = "raw"
    QCOW2 = "qcow2"

    @property
    def is_compressed(self) -> bool:
        """Whether it has to be unpacked before it is a disk."""
        return self in (ImageFormat.ZST, ImageFormat.XZ)


# RFC 8878; the .xz file format, 2.1.1.1; QEMU docs/interop/qcow2.
_MAGICS = (
    (b"\x28\xb5\x2f\xfd", ImageFormat.ZST),
    (b"\xfd7zXZ\x00", ImageFormat.XZ),
    (b"QFI\xfb", ImageFormat.QCOW2),
)


def identify_image(path: Path) -> ImageFormat:
    """The form of the image at `path`; `RecipeError` where no disk is in it."""
    try:
        with path.open("rb") as stream:
            start = stream.read(_SECTOR_BYTES)
    except IsADirectoryError:
        raise RecipeError(f"{path} is a directory, not an image") from None
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from error
    for magic, form in _MAGICS:
        if start.startswith(magic):
            return form
    if start[_SIGNATURE_OFFSET:] != _TABLE_SIGNATURE:
        raise RecipeError(
            f"{path} is no image of a disk: it has no partition table",
            hint="images are .img, .img.zst, .img.xz and .qcow2 files, such as 'builder make' writes",
        )
    return ImageFormat.RAW
