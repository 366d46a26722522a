"""What a builder in a container sees of this machine: directories at the same places, and the variables about networks."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from builder.app.manifest import EXECUTOR_VARIABLE
from builder.app.project import Project
from builder.containers.run import Share
from builder.toolchain.network import network_environment

# Besides what says where registries are. Docker's own are left out: there is no daemon inside.
_VARIABLES = ("BUILDER_WHEELS", "SOURCE_DATE_EPOCH")
# How the user configured what fetches, below the home directory and elsewhere.
_SETTINGS = (".config/go/env", ".config/pip/pip.conf", ".docker/config.json", ".netrc", ".pip/pip.conf")
# Whom this machine trusts in TLS decides here as well; everything that arrives is compared with its digest anyway.
_SYSTEM = ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SEPARATORS = re.compile(r"[,|;\s]+|:(?=/(?!/))")


def shares(reads: Iterable[Path], writes: Iterable[Path]) -> tuple[Share, ...]:
    """The fewest shares that let the container see all of `reads`, and change what lies below `writes`.

    A path that leads through links is there under both of its names. What does not exist is left to whoever misses it.
    """
    writable = _outermost(name for path in writes for name in _names(path))
    readable = _outermost(name for path in reads for name in _names(path))
    return (
        *(Share(path=path) for path in readable if not _is_below(path, writable)),
        *(Share(path=path, writable=True) for path in writable),
    )


def environment(project: Project, image: str) -> dict[str, str]:
    """The whole environment of a builder in the image with the id `image`."""
    user = project.environment
    passed = {name: value for name, value in network_environment(user).items() if not name.startswith("DOCKER_")}
    return {
        **passed,
        **{name: user[name] for name in _VARIABLES if name in user},
        "BUILDER_CACHE": str(project.cache),
        "BUILDER_ENVIRONMENTS": str(environments(project, image)),
        EXECUTOR_VARIABLE: f"docker {image}",
        "LC_ALL": "C.UTF-8",
        "PATH": _PATH,
    }


def environments(project: Project, image: str) -> Path:
    """Where the Python of the image with the id `image` has its environments."""
    return project.cache / "venv" / f"docker-{image.rpartition(':')[2][:16]}"


def named_files(variables: Mapping[str, str]) -> Iterator[Path]:
    """What the user's settings about networks are read from: files that variables name, and those that tools look for."""
    for name, value in variables.items():
        if name not in ("HOME", "PATH") and not name.startswith(("BUILDER_CACHE", "BUILDER_ENV")):
            words = (word.removeprefix("file://") for word in _SEPARATORS.split(value))
            yield from (Path(word) for word in words if word.startswith("/"))
    yield from (Path(path) for path in _SYSTEM)
    if home := variables.get("HOME"):
        yield from (Path(home, name) for name in _SETTINGS)


def _names(path: Path) -> Iterator[Path]:
    absolute = path.absolute()
    if absolute.exists():
        yield absolute
        yield absolute.resolve()


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """`paths` without those that lie below others of them."""
    found: list[Path] = []
    for path in sorted(set(paths), key=lambda one: len(one.parts)):
        if not _is_below(path, found):
            found.append(path)
    return sorted(found)


def _is_below(path: Path, places: Iterable[Path]) -> bool:
    return any(path.is_relative_to(place) for place in places)
