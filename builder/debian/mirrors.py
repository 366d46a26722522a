"""Where Debian's archive is fetched from: named by the user, by a recipe, or by this machine's apt. No mirror is built in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from builder.core.errors import BuilderError, MissingToolError
from builder.formats.deb822 import parse_stanza, split_stanzas

MIRROR_VARIABLE = "BUILDER_DEBIAN_MIRROR"
MAIN_ARCHIVE = "debian"
SECURITY_ARCHIVE = "debian-security"
APT_DIRECTORY = Path("/etc/apt")

_SCHEMES = ("http", "https", "file")
# Archives that lie side by side on mirrors of Debian, under these names.
_SIBLINGS = (MAIN_ARCHIVE, SECURITY_ARCHIVE)
_EXAMPLE = f"name one, as in {MIRROR_VARIABLE}=https://MIRROR/debian, several separated by spaces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrors:
    """Base addresses (http, https or file), the best first, and `origin`: who named them. They may hold passwords."""

    addresses: tuple[str, ...]
    origin: str

    def of_archive(self, archive: str) -> tuple[str, ...]:
        """The base addresses of `archive` (`debian`, `debian-security`, ...), in the order in which to ask them.

        An address serves the archive that its last part names. Where none names this one, it is looked for beside
        another of Debian's; an address with another last part serves Debian's main archive.
        """
        named = [one for one in self.addresses if _last(one) == archive]
        beside = [_beside(one, archive) for one in self.addresses if _last(one) in _SIBLINGS]
        others = [one for one in self.addresses if _last(one) not in _SIBLINGS] if archive == MAIN_ARCHIVE else []
        found = [*named, *others] or beside
        if not found:
            raise MissingToolError(
                f"no mirror of {archive} is known", details=[f"looked at: {self.origin}"], hint=_EXAMPLE
            )
        return tuple(dict.fromkeys(found))


def find_mirrors(environment: Mapping[str, str], recipe: Sequence[str], *, apt: Path = APT_DIRECTORY) -> Mirrors:
    """The mirrors that `environment` names, else the recipe's, else those of apt's configuration in the directory `apt`.

    `MissingToolError` where nobody names one, `BuilderError` for an address of another scheme.
    """
    named = environment.get(MIRROR_VARIABLE, "").split()
    for origin, addresses in ((f"${MIRROR_VARIABLE}", named), ("the recipe", recipe), (str(apt), _apt_addresses(apt))):
        if found := tuple(_checked(one, origin) for one in addresses):
            return Mirrors(addresses=found, origin=origin)
    raise MissingToolError(
        "no mirror of Debian's archive is known",
        details=[f"neither ${MIRROR_VARIABLE} nor the recipe names one, and {apt} has no sources of Debian"],
        hint=_EXAMPLE,
    )


def named_for(environment: Mapping[str, str], archive: str) -> tuple[str, ...]:
    """The base addresses that `environment` names for `archive`, one besides Debian's: those whose last part is its name."""
    named = environment.get(MIRROR_VARIABLE, "").split()
    return tuple(_checked(one, f"${MIRROR_VARIABLE}") for one in named if _last(one.rstrip("/")) == archive)


def shown(address: str) -> str:
    """`address` without user and password."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def _checked(address: str, origin: str) -> str:
    try:
        parts = urlsplit(address)
        good = parts.scheme in _SCHEMES and bool(parts.hostname or parts.scheme == "file")
    except ValueError:
        good = False
    if not good:
        raise BuilderError(f"{origin} names a mirror whose address is none (http, https or file)", hint=_EXAMPLE)
    return address.rstrip("/")


def _last(address: str) -> str:
    return urlsplit(address).path.rpartition("/")[2]


def _beside(address: str, archive: str) -> str:
    return f"{address.rpartition('/')[0]}/{archive}"


def _apt_addresses(directory: Path) -> list[str]:
    """The addresses of Debian's own archives in apt's sources (sources.list(5)), each once."""
    files = [directory / "sources.list", *sorted((directory / "sources.list.d").glob("*"))]
    found: dict[str, None] = {}
    for path in files:
        try:
            data = path.read_bytes()
        except OSError:
            continue  # missing, or not ours to read
        if path.suffix == ".sources":
            entries = _stanza_entries(data, str(path))
        elif path.suffix == ".list":
            entries = _line_entries(data.decode(errors="replace"))
        else:
            continue  # apt reads no other names either
        found.update(dict.fromkeys(one.rstrip("/") for one in entries if _is_debian(one)))
    return list(found)


def _is_debian(address: str) -> bool:
    return address.partition(":")[0] in _SCHEMES and _last(address.rstrip("/")) in _SIBLINGS


def _stanza_entries(data: bytes, where: str) -> Iterator[str]:
    for raw in split_stanzas([data]):
        stanza = parse_stanza(raw, where=where)
        enabled = stanza.get("enabled", "yes").strip().lower() not in ("no", "false", "0")
        if enabled and "main" in _words(stanza, "components"):
            for address in _words(stanza, "uris"):
                yield from _listed(address)


def _words(stanza: Mapping[str, str], name: str) -> list[str]:
    return stanza.get(name, "").split()


def _line_entries(text: str) -> Iterator[str]:
    """Lines of the form `deb [ options ] address suite components...`."""
    for line in text.splitlines():
        kind, _, rest = line.partition("#")[0].strip().partition(" ")
        rest = rest.strip()
        if rest.startswith("["):
            rest = rest.partition("]")[2]
        match rest.split():
            case [address, _, *components] if kind in ("deb", "deb-src") and "main" in components:
                yield from _listed(address)


def _listed(address: str) -> Iterator[str]:
    """`address`, or those in the file that it names: Debian's cloud images have `mirror+file:/etc/apt/mirrors/debian.list`."""
    if not address.startswith("mirror+file:"):
        yield address
        return
    try:
        lines = Path(address.removeprefix("mirror+file:")).read_text().splitlines()
    except OSError:
        return
    yield from (line.split()[0] for line in lines if line.strip() and not line.startswith("#"))
