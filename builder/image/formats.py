"""Words that recipes and the image's engine share."""

from enum import StrEnum

from builder.formats.diskimage import ImageFormat


def image_file(name: str, form: ImageFormat) -> str:
    """The file of the image `name` in this form."""
    suffixes = {ImageFormat.RAW: "img", ImageFormat.QCOW2: "qcow2"}
    return f"{name}.{suffixes.get(form, f'img.{form}')}"


class SlotCompression(StrEnum):
    """How the root file system in a slot is compressed: GRUB reads these, and no others."""

    GZIP = "gzip"
    XZ = "xz"
