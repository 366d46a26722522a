"""What each Go package weighs in an executable, going by its symbols as `go tool nm -size -type` lists them."""

import re
from collections import Counter
from collections.abc import Iterable

from builder.core.errors import BuilderError

# Address, size in bytes, type, name; names may hold spaces. A symbol without an address has no size either.
_LINE = re.compile(r"\s*(?P<address>[0-9a-f]+)\s+(?P<size>\d+)\s+\S\s+(?P<name>.+)")
# The linker's own symbols around zero-initialised memory, which takes no place in the file: it comes last.
_ZEROED, _END = "runtime.bss", "runtime.end"
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
    matches = [found for line in lines if (found := _LINE.fullmatch(line.rstrip("\n")))]
    symbols = [(int(found["address"], 16), int(found["size"]), found["name"]) for found in matches]
    places = {name: address for address, _, name in symbols if name in (_ZEROED, _END)}
    if places.keys() != {_ZEROED, _END}:
        raise BuilderError("this is no list of a Go executable's symbols", details=[f"it lacks {_ZEROED} or {_END}"])
    weights: Counter[str] = Counter()
    for address, size, name in symbols:
        if size and not places[_ZEROED] <= address < places[_END]:
            weights[package_of(name)] += size
    return weights


def module_like(package: str) -> str:
    """The part of an import path that mostly is the module's: `k8s.io/api`, `github.com/coredns/coredns`."""
    parts = package.split("/")
    if "." not in parts[0]:
        return "standard library" if package != OTHER else OTHER
    return "/".join(parts[: 2 if parts[0] in {"k8s.io", "sigs.k8s.io", "modernc.org"} else 3])
