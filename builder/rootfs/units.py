"""Which links enable a unit of systemd: its [Install] section and those of its drop-ins, as `systemctl enable` reads them.

Debian's helper, which maintainer scripts call, makes the same links of what packages bring.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from builder.core.errors import BuilderError
from builder.rootfs.tree import Kind, Tree

MASK = "/dev/null"

_SYSTEM = ("etc/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system")
_USER = ("etc/systemd/user", "usr/local/lib/systemd/user", "usr/lib/systemd/user")
_NAME = re.compile(r"(?P<prefix>[A-Za-z0-9:_.\\-]+?)(?:@(?P<instance>[A-Za-z0-9:_.\\@-]*))?\.(?P<type>[a-z]+)")
# systemd's unit_type_may_alias().
_HAVE_ALIASES = frozenset({"service", "socket", "target", "device", "timer", "path"})
_KEYS = ("Alias", "WantedBy", "RequiredBy", "UpheldBy", "Also", "DefaultInstance")
_DIRECTORIES = {"WantedBy": "wants", "RequiredBy": "requires", "UpheldBy": "upholds"}
_WORD = re.compile(r""""([^"]*)"|'([^']*)'|(\S+)""")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitName:
    """A unit's name taken apart; `instance` is None for plain units and empty for templates."""

    prefix: str
    instance: str | None
    type: str

    def __str__(self) -> str:
        return f"{self.prefix}.{self.type}" if self.instance is None else f"{self.prefix}@{self.instance}.{self.type}"

    @property
    def template(self) -> str:
        """The name of the file that describes it, where it has none of its own."""
        return str(self) if self.instance is None else f"{self.prefix}@.{self.type}"

    def of(self, instance: str) -> "UnitName":
        """Another instance of the same template."""
        return UnitName(prefix=self.prefix, instance=instance, type=self.type)


def parse_unit(unit: str) -> UnitName:
    """The parts of a unit's name; `BuilderError` where it is none."""
    match = _NAME.fullmatch(unit)
    if match is None:
        raise BuilderError(f"{unit!r} is no name of a unit")
    return UnitName(prefix=match["prefix"], instance=match["instance"], type=match["type"])


def install_links(tree: Tree, unit: str, *, system: bool = True) -> list[tuple[str, str]]:
    """The links that enable `unit` (and the units that its Also= names): path of each, and what it leads to.

    Instances (`getty@tty1.service`) are of the template's file, other names of a unit mean the unit itself. `BuilderError`
    where there is no such unit, where it is masked, and where its [Install] section asks for what cannot be.
    """
    links: dict[str, str] = {}
    waiting, seen = [unit], {unit}
    while waiting:
        name = waiting.pop(0)
        try:
            path = find_unit(tree, name, system=system)
        except BuilderError:
            if name == unit:
                raise
            continue  # systemctl: "Failed to enable auxiliary unit, ignoring"
        if is_masked(tree, path):
            if name == unit:
                raise BuilderError(f"{unit} is masked")
            continue
        name, path = real_unit(tree, name, system=system)
        settings = read_install(tree, name, system=system)
        links |= _links(tree, parse_unit(name), path, settings)
        also = [one for one in settings.get("also", []) if one not in seen]
        seen.update(also)
        waiting += also
    return list(links.items())


def find_unit(tree: Tree, unit: str, *, system: bool = True) -> str:
    """The path of the file (or link) that describes `unit`, for an instance that of its template; `BuilderError` for none."""
    for name in dict.fromkeys((unit, parse_unit(unit).template)):
        for directory in _SYSTEM if system else _USER:
            path = f"{directory}/{name}"
            if tree.exists(path) or is_masked(tree, path):
                return path
    raise BuilderError(f"the root file system has no unit {unit}")


def is_masked(tree: Tree, path: str) -> bool:
    """Whether the unit file at `path` is a link to nothing, or empty."""
    node = tree.get(path)
    if node is not None and node.kind is Kind.SYMLINK:
        return node.target == MASK
    return node is not None and node.content is not None and not node.content.size_bytes


def read_install(tree: Tree, unit: str, *, system: bool = True) -> dict[str, list[str]]:
    """The settings of a unit's [Install] section by their names in lower case; an empty value drops those before it."""
    found: dict[str, list[str]] = {}
    path = find_unit(tree, unit, system=system)
    for file in (path, *_drop_ins(tree, parse_unit(unit), _SYSTEM if system else _USER)):
        if tree.exists(file):
            _read_file(tree.text(file), found)
    name = parse_unit(unit)
    default = found.get("defaultinstance", [])[-1:]  # the last one counts
    if name.instance == "" and default:
        name = name.of(_filled(default[0], name))
    return {key: [_filled(word, name) for word in words] for key, words in found.items()}


def _read_file(text: str, found: dict[str, list[str]]) -> None:
    section = ""
    for line in _whole_lines(text):
        key, equals, value = (part.strip() for part in line.partition("="))
        if line.startswith("["):
            section = line
        elif section == "[Install]" and equals and key in _KEYS:
            words = ["".join(match) for match in _WORD.findall(value)]
            found[key.lower()] = [*found.get(key.lower(), []), *words] if words else []


def _whole_lines(text: str) -> Iterator[str]:
    """Lines without comments, those that a backslash continues put together (systemd.syntax(7))."""
    begun = ""
    for line in (one.strip() for one in text.splitlines()):
        if line.startswith(("#", ";")):
            continue
        if line.endswith("\\"):
            begun += f"{line[:-1]} "
            continue
        yield (begun + line).strip()
        begun = ""
    yield begun.strip()


def _drop_ins(tree: Tree, name: UnitName, places: tuple[str, ...]) -> list[str]:
    """Further files of a unit by their order: of files with one name the first counts."""
    found: dict[str, str] = {}
    for unit in dict.fromkeys((str(name), name.template)):
        for directory in (f"{place}/{unit}.d" for place in places):
            for file in tree.children(directory) if tree.is_directory(directory) else ():
                if file.endswith(".conf"):
                    found.setdefault(file, f"{directory}/{file}")
    return [found[file] for file in sorted(found)]


def real_unit(tree: Tree, unit: str, *, system: bool = True) -> tuple[str, str]:
    """The name and the file of the unit that `unit`, which may be another name of it, means; as `find_unit`."""
    path = find_unit(tree, unit, system=system)
    node = tree.get(path)
    if node is None or node.kind is not Kind.SYMLINK or node.target == MASK:
        return unit, path
    name, instance = parse_unit(posixpath.basename(tree.resolve(path, follow=True))), parse_unit(unit).instance
    if name.instance == "" and instance:
        name = name.of(instance)
    return str(name), find_unit(tree, str(name), system=system)


def _links(tree: Tree, name: UnitName, path: str, settings: Mapping[str, list[str]]) -> dict[str, str]:
    place, target = _SYSTEM[0] if "/system/" in path else _USER[0], _target(tree, path)
    default = settings.get("defaultinstance", [])[-1:]
    wanted = name.of(default[0]) if name.instance == "" and default else name
    links = {f"{place}/{_alias(alias, name)}": target for alias in settings.get("alias", [])}
    for key, suffix in _DIRECTORIES.items():
        if key == "UpheldBy" and _is_bookworm(tree):
            continue  # systemd reads it since version 254
        for wanting in settings.get(key.lower(), []):
            # A template as such can only be wanted by another one, whose instances then want those of the same name.
            if wanted.instance != "" or parse_unit(wanting).instance is not None:
                links[f"{place}/{parse_unit(wanting)}.{suffix}/{wanted}"] = target
    return links


def _alias(text: str, name: UnitName) -> str:
    """The path, below the directory of units, of another name that a unit asks for (systemd's unit_file_verify_alias())."""
    if "/" in text:
        directory, _, base = text.partition("/")
        wanting, _, suffix = directory.rpartition(".")
        if base == str(name) and suffix in _DIRECTORIES.values() and _NAME.fullmatch(wanting):
            return text
        raise BuilderError(f"{name} cannot have the alias {text}")
    alias = parse_unit(text)
    if alias.instance == "" and name.instance:
        alias = alias.of(name.instance)
    alike = (alias.instance is None) == (name.instance is None) and name.instance in ("", alias.instance, None)
    if alias.type != name.type or name.type not in _HAVE_ALIASES or not alike:
        raise BuilderError(f"{name} cannot have the alias {text}")
    return str(alias)


def _target(tree: Tree, path: str) -> str:
    """What links to the unit at `path` say: Debian 12 still writes /lib, which leads to the same file."""
    link = posixpath.join("/", path)
    return link.removeprefix("/usr") if path.startswith("usr/lib/") and _is_bookworm(tree) else link


def _is_bookworm(tree: Tree) -> bool:
    return tree.exists("etc/os-release") and "VERSION_CODENAME=bookworm" in tree.text("etc/os-release")


def _filled(word: str, name: UnitName) -> str:
    """`word` with the specifiers that stand in [Install] sections (systemd.unit(5)) filled in."""
    instance = name.instance or ""
    values = {
        "%%": "%", "%i": instance, "%p": name.prefix, "%j": name.prefix.rpartition("-")[2],
        "%n": str(name), "%N": str(name).rpartition(".")[0],
    }  # fmt: skip
    unknown = [one for one in re.findall(r"%.?", word) if one not in values]
    if unknown:
        raise BuilderError(f"the [Install] section of {name} says {unknown[0]}, which only a running system could know")
    return re.sub(r"%.", lambda one: values[one[0]], word)
