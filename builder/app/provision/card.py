"""The boot partition of an image or a card: files of its root directory changed in place, and read back."""

import mmap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from builder.app.provision.compose import OWN_FILES
from builder.app.provision.image_map import ImageMap, image_map
from builder.core.errors import BuilderError, RecipeError, VerificationError
from builder.flash.devices import find_devices
from builder.flash.guards import objections
from builder.flash.opening import open_target
from builder.flash.target import ALIGNMENT, Target
from builder.formats.diskimage import ImageFormat, identify_image
from builder.formats.fat.change import Volume, Wanted, Write
from builder.formats.fat.geometry import Geometry, Read, find_partition, read_geometry

# Every image of builder's keeps there which slot is started.
_MARK = "grub"


@contextmanager
def opened_card(path: Path) -> Iterator["Card"]:
    """The card or image at `path`, for us alone."""
    _check_kind(path)
    with open_target(path, may_be_file=True) as target:
        with named(path):
            card = Card(target, image_map(path))
        yield card


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Errors name the card, as those of devices do already."""
    try:
        yield
    except BuilderError as error:
        if path.name in error.brief:
            raise
        raise type(error)(f"{path}: {error.brief}", details=error.details, hint=error.hint) from None


def _check_kind(path: Path) -> None:
    if not path.is_block_device():
        form = identify_image(path)
        if form is not ImageFormat.RAW:
            raise RecipeError(
                f"{path} is {'compressed' if form.is_compressed else 'no raw image'}: files in it cannot be changed",
                hint="provision the card after flashing, or unpack the image first",
            )
        return
    for device in find_devices():
        if Path(device.path) == path:
            problems = [one.text for one in objections(device) if not one.reason.may_be_confirmed]
            if problems:
                raise RecipeError(
                    f"{path} is not written to", details=problems, hint="'builder devices' lists what is there"
                )
            return
    raise RecipeError(f"{path} is no disk with a medium in it", hint="'builder devices' lists what is there")


class Card:
    """The boot partition behind `target`, which may be an image with a block map."""

    def __init__(self, target: Target, block_map: ImageMap | None) -> None:
        self._target = target
        self._map = block_map
        self._geometry: Geometry = boot_geometry(self._read, target.size_bytes)

    def check(self, files: Mapping[str, bytes], now: datetime) -> None:
        """Raise where `files` could not be written."""
        self.checker(now)(files)

    def checker(self, now: datetime) -> Callable[[Mapping[str, bytes]], None]:
        """As `check`, for many nodes: the tables are read once."""
        volume = self._volume()

        def check(files: Mapping[str, bytes]) -> None:
            with named(self._target.path):
                volume.check(wanted_files(files, now))

        return check

    def write(self, files: Mapping[str, bytes], now: datetime) -> None:
        """Make these the node's files, and none of another node's; read them back."""
        with named(self._target.path):
            stages = self._volume().change(wanted_files(files, now))
        for stage in stages:
            for write in joined(stage):
                self._write(write)
            self._target.sync()
        self._target.drop_cached()
        volume = self._volume()
        for name in OWN_FILES:
            if volume.content(name) != files.get(name):
                raise VerificationError(
                    f"{self._target.path} does not hold what was written to {name}",
                    hint="it is worn out, or write-protected: take another card",
                )
        if self._map:
            self._map.refresh([(write.offset, len(write.data)) for stage in stages for write in stage])

    def _volume(self) -> Volume:
        return Volume(self._read, self._geometry)

    def _read(self, offset: int, length: int) -> bytes:
        first, end = _aligned(offset, length)
        with mmap.mmap(-1, end - first) as buffer:
            self._fill(buffer, first, end)
            return buffer[offset - first : offset - first + length]

    def _write(self, write: Write) -> None:
        """Direct writing takes whole blocks, of which the rest stays as it is."""
        first, end = _aligned(write.offset, len(write.data))
        with mmap.mmap(-1, end - first) as buffer:
            if end - first != len(write.data):
                self._fill(buffer, first, end)
            buffer[write.offset - first : write.offset - first + len(write.data)] = write.data
            with memoryview(buffer) as view:
                self._target.write(view, first)

    def _fill(self, buffer: mmap.mmap, first: int, end: int) -> None:
        if end > self._target.size_bytes:
            raise BuilderError(f"{self._target.path} ends within its FAT partition", hint="copy or flash it again")
        with memoryview(buffer) as view:
            self._target.read(view, first)


def boot_geometry(read: Read, size_bytes: int) -> Geometry:
    """Where everything lies in the boot partition of the card or image of builder's that `read` reads."""
    geometry = read_geometry(read, *find_partition(read, size_bytes))
    if Volume(read, geometry).find(_MARK) is None:
        raise RecipeError(
            "this is no card or image of builder's: its first FAT partition has no directory 'grub'",
            hint="flash an image that 'builder make' wrote",
        )
    return geometry


def wanted_files(files: Mapping[str, bytes], now: datetime) -> Wanted:
    """These files of a node's, and none of another one's."""
    return Wanted(files=files, absent=[name for name in OWN_FILES if name not in files], when=now)


def _aligned(offset: int, length: int) -> tuple[int, int]:
    return offset // ALIGNMENT * ALIGNMENT, -(-(offset + length) // ALIGNMENT) * ALIGNMENT


def joined(writes: Iterable[Write]) -> Iterator[Write]:
    """The same with neighbours in one piece; a later write to the same place wins."""
    latest = {write.offset: write.data for write in writes}
    run: list[bytes] = []
    start = 0
    for offset, following in pairwise([*sorted(latest), -1]):
        start = start if run else offset
        run.append(latest[offset])
        if offset + len(latest[offset]) != following:
            yield Write(offset=start, data=b"".join(run))
            run = []
