"""Small universes of packages, written down as their control fields."""

from collections.abc import Mapping, Sequence

from builder.debian.solve import solve
from builder.debian.universe import Universe
from builder.debian.unsolvable import Request

_FILE = f"Size: 1\nSHA256: {'ab' * 32}\n"


def stanza(name: str, version: str = "1.0", architecture: str = "armhf", **fields: str) -> bytes:
    """A stanza of an index; `depends="b"` makes the field Depends, `pre_depends` Pre-Depends."""
    further = "".join(f"{key.title().replace('_', '-')}: {value}\n" for key, value in fields.items())
    path = f"Filename: pool/{name}_{version.rpartition(':')[2]}_{architecture}.deb\n"
    return f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n{further}{path}{_FILE}".encode()


def universe(*stanzas: bytes, archive: str = "debian", versions: Mapping[str, str] | None = None) -> Universe:
    return Universe("armhf", [(archive, one) for one in stanzas], versions)


def request(*wanted: str, without: Sequence[str] = (), with_base: bool = False) -> Request:
    return Request(
        wanted={name: f"recipe.yaml:{line}" for line, name in enumerate(wanted, 1)},
        without={name: f"without.yaml:{line}" for line, name in enumerate(without, 1)},
        with_base=with_base,
    )


def solved(packages: Universe, *wanted: str, without: Sequence[str] = (), with_base: bool = False) -> list[str]:
    return [one.name for one in solve(packages, request(*wanted, without=without, with_base=with_base))]
