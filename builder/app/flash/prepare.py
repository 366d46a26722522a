"""Everything about a flashing that can be told to be wrong before the first byte is written."""

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from builder.app.images import find_image, read_manifest
from builder.core.digest import Digest
from builder.core.errors import BuilderError, RecipeError, VerificationError
from builder.flash.devices import Device
from builder.flash.flash import needed_bytes
from builder.flash.guards import Confirmation, Reason, unconfirmed
from builder.flash.source import Image, find_map, open_image
from builder.formats.diskimage import ImageFormat
from builder.io.cancel import CancelToken

# What needs no unpacking comes first.
_SUFFIXES = (".img", ".img.zst", ".img.xz")
_DEV = Path("/dev")
_LIST = "'builder devices' lists what is there"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlashWanted:
    """What somebody wants to flash, onto what, and what was said beforehand.

    `block_map` is None for the one beside the image; `use_map` False writes everything. `serials` are in the order of
    `devices`. `may_be_files`: files are taken for devices.
    """

    image: Path
    devices: Sequence[str]
    serials: Sequence[str] = field(default=())
    confirmed: Sequence[Confirmation] = field(default=())
    board: str = ""
    block_map: Path | None = None
    use_map: bool = True
    may_be_files: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an image goes: a device, or a file, of which `device` knows nothing."""

    path: Path
    device: Device | None

    @property
    def identity(self) -> str:
        """What it is called by itself, whatever slot it is in."""
        return f"{self.device.serial or self.device.name} {self.device.size_bytes}" if self.device else str(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An image, and the places that it may be written to."""

    image: Image
    places: Sequence[Place]


def prepare(wanted: FlashWanted, devices: Sequence[Device], cancel: CancelToken) -> Prepared:
    """Look at the image and at the places of `wanted` among all `devices`; raises with everything that is wrong."""
    places = [_place(name, devices, may_be_file=wanted.may_be_files) for name in wanted.devices]
    if len({place.path for place in places}) < len(places):
        raise RecipeError("a device is named twice")
    check_serials(wanted, places)
    problems = [line for place in places if place.device for line in _objections(place.device, wanted.confirmed)]
    if problems:
        raise RecipeError("nothing was written: see what the devices are", details=problems, hint=_LIST)
    image_file = find_image(wanted.image, _SUFFIXES)
    _check_board(image_file, wanted.board)
    block_map = (wanted.block_map or find_map(image_file)) if wanted.use_map else None
    image = open_image(image_file, block_map, cancel)
    _check_digest(image, cancel)
    _check_fit(image, places)
    return Prepared(image=image, places=places)


def parse_confirmation(text: str) -> Confirmation:
    """`sdb:large`."""
    device, _, reason = text.rpartition(":")
    known = [one.value for one in Reason if one.may_be_confirmed]
    if not device or reason not in known:
        raise RecipeError(f"--even-if {text}: must be a device and one of {', '.join(known)}, as in sdb:large")
    return Confirmation(device=device.removeprefix("/dev/"), reason=Reason(reason))


def _place(text: str, devices: Sequence[Device], *, may_be_file: bool) -> Place:
    path = Path(text) if "/" in text else _DEV / text
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise RecipeError(f"there is no {path}: {error.strerror}", hint=_LIST) from error
    if stat.S_ISLNK(mode):
        raise RecipeError(
            f"{path} is a symbolic link", hint=f"what it leads to may change; at this moment it is {path.resolve()}"
        )
    if stat.S_ISREG(mode):
        if not may_be_file:
            raise RecipeError(f"{path} is a file, not a device", hint="with --to-file files are taken for devices")
        return Place(path=path.absolute(), device=None)
    if not stat.S_ISBLK(mode):
        raise RecipeError(f"{path} is no block device", hint=_LIST)
    for device in devices:
        if path == Path(device.path):
            return Place(path=path, device=device)
        if str(path) in {f"/dev/{part.name}" for part in device.partitions}:
            raise RecipeError(
                f"{path} is a partition; images are for whole devices", hint=f"this one's is {device.path}"
            )
    raise RecipeError(f"{path} has no medium in it, or is no disk", hint=_LIST)


def check_serials(wanted: FlashWanted, places: Sequence[Place]) -> None:
    """Raise where `places` do not have the serial numbers that were said; a device without one is meant by none."""
    if not wanted.serials:
        return
    found = [place.device.serial if place.device else str(place.path) for place in places]
    if len(found) != len(wanted.serials):
        raise RecipeError(
            f"{len(wanted.serials)} serial numbers for {len(found)} devices", hint="--serial once for each"
        )
    wrong = [
        f"{place.path}: {serial or 'it has no serial number'}, not {asked!r}"
        for place, serial, asked in zip(places, found, wanted.serials, strict=True)
        if serial != asked or not asked
    ]
    if wrong:
        raise RecipeError("these are not the devices that were meant", details=wrong, hint=_LIST)


def _objections(device: Device, confirmed: Sequence[Confirmation]) -> Iterator[str]:
    for one in unconfirmed(device, confirmed):
        answer = f"; if it shall be, add --even-if {device.name}:{one.reason}" if one.reason.may_be_confirmed else ""
        yield f"{device.path}: {one.text}{answer}"


def _check_board(image: Path, board: str) -> None:
    """Compare with the manifest beside the image; directories of images are called like their boards."""
    if not board:
        return
    manifest = read_manifest(image)
    boards = manifest.inputs.recipe.get("boards") if manifest else None
    found = image.resolve().parent.name
    if not isinstance(boards, dict) or found not in boards:
        raise RecipeError(
            f"nothing says which board {image} is for", hint="leave --board out, or take an image out of out/"
        )
    if found != board:
        raise RecipeError(f"{image} is for the board {found}, not for {board}")


def _check_digest(image: Image, cancel: CancelToken) -> None:
    """Compare a compressed image with the manifest beside it; of others the block map has digests."""
    manifest = read_manifest(image.path)
    if manifest is None or image.form is ImageFormat.RAW:
        return
    cancel.check()
    (told,) = (one.digest for one in manifest.artifacts if one.path == image.path.name)
    found = Digest.of_file(image.path)
    if found != told:
        raise VerificationError(
            f"{image.path} is not what was made: its manifest says another digest",
            details=[f"manifest: {told}", f"file: {found}"],
            hint="make it again, or copy it again",
        )


def _check_fit(image: Image, places: Sequence[Place]) -> None:
    devices = [place.device for place in places if place.device]
    problems = [
        f"{one.path}: {one.size_bytes} bytes, and the image has {image.size_bytes}"
        for one in devices
        if one.size_bytes < needed_bytes(image, one.sector_bytes)
    ]
    problems += [
        f"{one.path}: its sectors have {one.sector_bytes} bytes, and the block map has ranges between them"
        for one in devices
        if any(extent.offset % one.sector_bytes for extent in image.extents)
    ]
    if problems:
        raise BuilderError(f"{image.path} does not fit", details=problems, hint="nothing was written")
