"""Small packages for the engine."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from builder.rootfs.content import PackageContent, open_package, unpack_package
from tests.unit.debian.packages import COMPRESS, ar, directory, file, link, tar

__all__ = ["Sample", "directory", "file", "link", "make_deb", "opened", "unpacked"]

Sample = Sequence[tuple[object, bytes]]


def make_deb(place: Path, name: str, members: Sample, scripts: Mapping[str, str] | None = None, **fields: str) -> Path:
    """A package in `place`; `fields` are those of its control file, with `_` for `-`."""
    wanted = {"Version": "1.0", "Architecture": "all", "Description": "a sample"} | {
        key.replace("_", "-"): value for key, value in fields.items()
    }
    control = f"Package: {name}\n" + "".join(f"{key}: {value}\n" for key, value in wanted.items())
    files = [file("./control", control.encode())]
    files += [file(f"./{key}", text.encode(errors="surrogateescape"), 0o755) for key, text in (scripts or {}).items()]
    data = ar(
        [
            ("debian-binary", b"2.0\n"),
            ("control.tar.xz", COMPRESS[".xz"](tar(files))),
            ("data.tar.xz", COMPRESS[".xz"](tar(members))),  # type: ignore[arg-type]
        ]
    )
    path = place / f"{name}_{wanted['Version']}_{wanted['Architecture']}.deb"
    path.write_bytes(data)
    return path


def unpacked(deb: Path) -> Path:
    """The directory that `deb` is unpacked in, beside it."""
    place = deb.with_suffix(".unpacked")
    place.mkdir()
    unpack_package(deb, place)
    return place


@contextmanager
def opened(*debs: Path) -> Iterator[dict[str, PackageContent]]:
    """The packages, open, by name."""
    with ExitStack() as stack:
        packages = [stack.enter_context(open_package(unpacked(deb))) for deb in debs]
        yield {package.name: package for package in packages}
