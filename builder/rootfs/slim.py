"""Leaving out of an image what a device does without: documentation, translations, firmware, kernel modules.

dpkg is told, so that later installations leave the same out (path-exclude in /etc/dpkg/dpkg.cfg.d), and so that it does not
miss what is gone: it looks for every path of its lists (info/*.list), whatever path-exclude says, and for nothing else.
"""

import posixpath
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from builder.rootfs.customize.changes import Changes, by_customizing
from builder.rootfs.customize.hardlinks import detach
from builder.rootfs.effects.base import Image
from builder.rootfs.slim_modules import unneeded_modules, write_indexes
from builder.rootfs.slim_profiles import Pattern, file_patterns, module_patterns, read_profiles
from builder.rootfs.tree import Kind, Tree

_CONFIGURATION = "etc/dpkg/dpkg.cfg.d/slim"
_INFO = "var/lib/dpkg/info"
_ALTERNATIVES = "etc/alternatives"
_MERGED = ("usr/bin/", "usr/lib/", "usr/sbin/", "usr/lib64/")


@dataclass(slots=True, kw_only=True)
class Slimming:
    """Takes from an image what the profiles `names`, out of `files`, leave out; translations into the `locale`'s language stay.

    Kernel modules that are loaded at boot stay, whatever profiles say.
    """

    changes: Changes
    names: Sequence[str]
    files: Mapping[str, Path]
    locale: str
    _gone: set[str] = field(default_factory=set)
    # Files that have other names too; looking for those takes time.
    _shared: Collection[str] = ()
    # How many names each directory holds.
    _inside: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Leave out what they name, and nothing that was laid over packages."""
        if not self.names:
            return
        profiles = read_profiles(self.files, self.names)
        patterns = file_patterns(profiles, self.locale.partition(".")[0].partition("_")[0])
        wanted = _left_out(self._image.tree, patterns)
        modules = unneeded_modules(self._image.tree, module_patterns(profiles))
        nodes = self._image.tree.nodes
        self._shared = {node.target for node in nodes.values() if node.kind is Kind.HARDLINK}
        self._inside.update(posixpath.dirname(path) for path in nodes)
        left = {name: {*wanted.get(name, ()), *modules.of(name)} for name in self.names}
        # A directory that one profile names goes when another has emptied it.
        while any(self._remove_all(name, left[name]) for name in self.names):
            pass
        with self.changes.by("rootfs.slim"):
            if modules.unneeded:
                write_indexes(self._image, modules)
            _drop_alternatives(self._image.tree, self._gone)
            _forget(self._image.tree, self._gone)
            lines = [*_lines(patterns), *modules.lines()]
            self._image.tree.write(_CONFIGURATION, "".join(f"{line}\n" for line in lines))

    @property
    def _image(self) -> Image:
        return self.changes.image

    def _remove_all(self, profile: str, paths: set[str]) -> bool:
        """Remove what can be removed now, and take it out of `paths`; whether there was anything."""
        before = len(paths)
        with self.changes.by(f"slim {profile}"):
            for path in sorted(paths, reverse=True):
                if not self._inside[path]:
                    self._remove(path)
                    paths.discard(path)
        return len(paths) < before

    def _remove(self, path: str) -> None:
        tree = self._image.tree
        if path in self._shared:
            detach(tree, path)
        del tree.nodes[path]
        self._inside[posixpath.dirname(path)] -= 1
        self._gone.add(path)


def _left_out(tree: Tree, patterns: Sequence[Pattern]) -> dict[str, list[str]]:
    """The paths that are left out, by the profile that says so; the last pattern that fits a path counts."""
    found: dict[str, list[str]] = {}
    for path, node in tree.nodes.items():
        if by_customizing(node):
            continue
        last = next((one for one in reversed(patterns) if one.fits.match(f"/{path}")), None)
        if last is not None and last.leaves_out:
            found.setdefault(last.profile, []).append(path)
    return found


def _drop_alternatives(tree: Tree, gone: Collection[str]) -> None:
    """Remove the links of alternatives that lead to what is gone, as update-alternatives(1) would not make them."""
    for path in list(tree.below(_ALTERNATIVES)) if tree.is_directory(_ALTERNATIVES) else ():
        node = tree.nodes[path]
        if node.kind is Kind.SYMLINK and tree.resolve(node.target) in gone:
            del tree.nodes[path]


def _forget(tree: Tree, gone: Collection[str]) -> None:
    """Take what is gone out of dpkg's lists of files and of checksums."""
    names = {f"/{path}" for path in gone}
    # Debian 12's packages have /lib where the file system has /usr/lib.
    names |= {f"/{path.removeprefix('usr/')}" for path in gone if path.startswith(_MERGED)}
    for path in list(tree.below(_INFO)):
        if path.endswith((".list", ".md5sums")):
            lines = tree.text(path).splitlines()
            kept = [line for line in lines if not names.intersection(_named(path, line))]
            if len(kept) != len(lines):
                node = tree.nodes[path]
                tree.write(path, "".join(f"{line}\n" for line in kept), mode=node.mode)


def _named(file: str, line: str) -> tuple[str]:
    """The path that a line of a list, or of checksums, is about."""
    return (line,) if file.endswith(".list") else (f"/{line.partition('  ')[2]}",)


def _lines(patterns: Sequence[Pattern]) -> list[str]:
    lines = ["# What this image was made without; packages that are installed later are unpacked without it too."]
    for pattern in patterns:
        option = "path-exclude" if pattern.leaves_out else "path-include"
        lines += [f"{option}={glob}" for glob in both_spellings(pattern.glob)]
    return lines


def both_spellings(glob: str) -> list[str]:
    """`glob` as packages of Debian 13 spell it, and as those of 12 do."""
    older = glob.removeprefix("/usr") if glob.lstrip("/").startswith(_MERGED) else glob
    return list(dict.fromkeys((posixpath.normpath(glob), posixpath.normpath(older))))
