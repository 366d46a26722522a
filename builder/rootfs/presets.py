"""Which units a distribution wants enabled when they are installed (systemd.preset(5))."""

from fnmatch import fnmatchcase

from builder.rootfs.tree import Tree

_PLACES = ("etc/systemd/system-preset", "usr/lib/systemd/system-preset")


def is_enabled_by_preset(tree: Tree, unit: str) -> bool:
    """Whether `systemctl preset` would enable `unit`: the first line that matches decides, without one it would.

    A file of an earlier place hides one of the same name in a later place.
    """
    files: dict[str, str] = {}
    for place in reversed(_PLACES):
        if tree.is_directory(place):
            files |= {name: f"{place}/{name}" for name in tree.children(place) if name.endswith(".preset")}
    for _, path in sorted(files.items()):
        for line in tree.text(path).splitlines():
            words = line.partition("#")[0].split()
            if len(words) >= 2 and words[0] in ("enable", "disable") and fnmatchcase(unit, words[1]):  # noqa: PLR2004
                return words[0] == "enable"
    return True
