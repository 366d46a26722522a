"""What each Go package weighs in an executable, going by its symbols as `go tool nm -size -type` lists them."""

import re
from collections import Counter
from collections.abc import Iterable

# Address, size in bytes, type, name; names may hold spaces. A symbol without an address has no size either.
_LINE = re.compile(r"\s*[0-9a-f]+\s+(?P<size>\d+)\s+(?P<type>\S)\s+(?P<name>.+)")
# Zero-initialised memory takes no place in the file.
_NOT_IN_THE_FILE = frozenset("bB")
# What the compiler puts before the name of the type that it describes.
_OF_A_TYPE = re.compile(r"^(?:type:(?:\.eq\.|\.hash\.|\.namedata\.|\.importpath\.)?|go:itab\.)?[*\[\]]*")
OTHER = "(made by the linker)"


def package_of(symbol: str) -> str:
    """The import path of the package that a symbol belongs to, `OTHER` for what belongs to none.

    A generic function counts for the package that declares it, whatever it was made for.
    """
    name = _OF_A_TYPE.sub("", symbol, count=1)
    name = name.split("[", 1)[0]
    after_path = name.rfind("/") + 1
    dot = name.find(".", after_path)
    if dot <= 0 or name.startswith(("go:", "$")):
        return OTHER
    # The linker writes dots in the last part of a path as %2e.
    return name[:dot].replace("%2e", ".")


def weigh(lines: Iterable[str]) -> Counter[str]:
    """Bytes in the file by package."""
    weights: Counter[str] = Counter()
    for line in lines:
        found = _LINE.fullmatch(line.rstrip("\n"))
        if found and found["type"] not in _NOT_IN_THE_FILE:
            weights[package_of(found["name"])] += int(found["size"])
    return weights


def module_like(package: str) -> str:
    """The part of an import path that mostly is the module's: `k8s.io/api`, `github.com/coredns/coredns`."""
    parts = package.split("/")
    if "." not in parts[0]:
        return "standard library" if package != OTHER else OTHER
    return "/".join(parts[: 2 if parts[0] in {"k8s.io", "sigs.k8s.io", "modernc.org"} else 3])
