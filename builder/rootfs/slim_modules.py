"""Kernel modules that an image does without, and those that have to stay because others need them."""

import fnmatch
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from builder.rootfs.effects.base import Image
from builder.rootfs.native.depmod import index_modules
from builder.rootfs.tree import Tree

_MODULES = "usr/lib/modules"
_MODULE = re.compile(r"\.ko(?:\.(?:gz|xz|zst))?$")
_LOADED = "etc/modules-load.d"
# Lists that kernel packages bring; all others are made from these and the modules.
_BROUGHT = ("modules.builtin", "modules.builtin.modinfo", "modules.order")


@dataclass(slots=True, kw_only=True)
class Unneeded:
    """The modules that are left out, with the profile of each; `patterns` said so, and `kept` stay although they fit."""

    patterns: Mapping[str, str]
    unneeded: dict[str, str] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)

    def of(self, profile: str) -> Iterator[str]:
        """The paths of the modules that `profile` leaves out."""
        return (path for path, name in self.unneeded.items() if name == profile)

    def lines(self) -> list[str]:
        """What makes dpkg leave the same out of other versions of the kernel."""
        lines = []
        for usr in ("", "/usr") if self.patterns else ():
            lines += [f"path-exclude={usr}/lib/modules/*/{pattern}" for pattern in self.patterns]
            lines += [f"path-include={usr}/lib/modules/*/{_MODULE.sub('.ko*', path)}" for path in sorted(self.kept)]
        return lines


def unneeded_modules(tree: Tree, patterns: Mapping[str, str]) -> Unneeded:
    """The modules of all kernels that `patterns` fit, but for those that others need, or that are loaded at boot."""
    found = Unneeded(patterns=patterns)
    if not patterns or not tree.is_directory(_MODULES):
        return found
    wanted = {_plain(name) for name in _loaded_at_boot(tree)}
    for kernel in tree.children(_MODULES):
        _judge(tree, kernel, wanted, found)
    return found


def _judge(tree: Tree, kernel: str, wanted: Collection[str], found: Unneeded) -> None:
    base = f"{_MODULES}/{kernel}"
    modules = [path.removeprefix(f"{base}/") for path in tree.below(base) if _MODULE.search(path)]
    fitting = {path: profile for path in modules if (profile := _profile(path, found.patterns))}
    needs = _needs(tree, base, modules)
    waiting = [path for path in modules if path not in fitting or _name(path) in wanted]
    staying = set(waiting)
    while waiting:
        more = [path for path in needs.get(waiting.pop(), ()) if path not in staying]
        staying.update(more)
        waiting += more
    found.unneeded |= {f"{base}/{path}": profile for path, profile in fitting.items() if path not in staying}
    found.kept |= {path for path in fitting if path in staying}


def _profile(path: str, patterns: Mapping[str, str]) -> str:
    return next((profile for pattern, profile in patterns.items() if fnmatch.fnmatchcase(path, pattern)), "")


def _needs(tree: Tree, base: str, modules: Collection[str]) -> dict[str, list[str]]:
    """What each module needs to be loaded (modules.dep), or has loaded with it (modules.softdep)."""
    needs: dict[str, list[str]] = {}
    for line in _lines(tree, f"{base}/modules.dep"):
        path, _, others = line.partition(":")
        needs[path] = others.split()
    by_name = {_name(path): path for path in modules}
    for line in _lines(tree, f"{base}/modules.softdep"):
        words = line.split()
        if words[:1] == ["softdep"] and len(words) > 1 and _plain(words[1]) in by_name:
            wanted = [by_name[_plain(word)] for word in words[2:] if _plain(word) in by_name]
            needs.setdefault(by_name[_plain(words[1])], []).extend(wanted)
    return needs


def write_indexes(image: Image, modules: Unneeded) -> None:
    """Index the modules of kernels anew that have lost some."""
    tree = image.tree
    kernels = {path.split("/")[3] for path in modules.unneeded}
    sources = {
        path: tree.content(path)
        for kernel in sorted(kernels)
        for path in tree.below(f"{_MODULES}/{kernel}")
        if _MODULE.search(path) or posixpath.basename(path) in _BROUGHT
    }
    for path, data in index_modules(sources, image.bench).items():
        tree.write(path, data)


def _loaded_at_boot(tree: Tree) -> Iterator[str]:
    """The modules that files in /etc/modules-load.d name."""
    for path in tree.below(_LOADED) if tree.is_directory(_LOADED) else ():
        if path.endswith(".conf"):
            yield from (line.strip() for line in _lines(tree, path) if not line.startswith(("#", ";")))


def _lines(tree: Tree, path: str) -> list[str]:
    return tree.text(path).splitlines() if tree.exists(path) else []


def _name(path: str) -> str:
    """The name of the module in the file at `path`."""
    return _plain(_MODULE.sub("", posixpath.basename(path)))


def _plain(name: str) -> str:
    """The name as the kernel has it: files and people write hyphens for underscores."""
    return name.strip().replace("-", "_")
