"""Which modules of a kernel a board needs to read its card, by its device tree."""

import re
from collections.abc import Iterator, Mapping

from builder.formats.fdt import FdtNode

_CARDS = re.compile(r"mmc|mshc|sdhci|sdhost")
# Properties that name what a device cannot work without.
_NEEDED = re.compile(r"(?:.*-supply|clocks|resets|dmas|power-domains|(?:cd-|enable-)?gpios?|mmc-pwrseq|pinctrl-\d)")
# One number, or one for each: the others are followed by arguments.
_LISTS = re.compile(r".*-supply|pinctrl-\d")
_ALIAS = re.compile(r"^alias of:N\*T\*C(\S+?)(?:C\*)? (\S+)$", re.MULTILINE)


def card_drivers(root: FdtNode, aliases: str) -> frozenset[frozenset[str]]:
    """Modules (with `_`) for the cards of the device tree `root`; `aliases` is the kernel's `modules.alias`.

    For each device those that know it: one of them is needed, which depends on the bus that the device sits on.
    """
    drivers: dict[str, set[str]] = {}
    for compatible, module in _ALIAS.findall(aliases):
        drivers.setdefault(compatible, set()).add(module.replace("-", "_"))
    tree = _Tree(root)
    found = {
        frozenset(module for name in node.strings("compatible") for module in drivers.get(name, ()))
        for node in tree.needed()
    }
    return frozenset(found - {frozenset()})


class _Tree:
    def __init__(self, root: FdtNode) -> None:
        self._root = root
        self._parents = {id(child): node for node in root.all() for child in node.children.values()}
        self._handles: Mapping[int, FdtNode] = {
            node.cells("phandle")[0]: node for node in root.all() if node.cells("phandle")
        }

    def needed(self) -> Iterator[FdtNode]:
        """The controllers of cards that are used, and all that they cannot work without."""
        waiting = [node for node in self._root.all() if _is_card(node)]
        seen = {id(self._root)}
        while waiting:
            node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            yield node
            waiting += [self._parents[id(node)], *self._named(node)]

    def _named(self, node: FdtNode) -> Iterator[FdtNode]:
        for name in node.properties:
            if _NEEDED.fullmatch(name):
                cells = node.cells(name) if _LISTS.fullmatch(name) else node.cells(name)[:1]
                yield from (self._handles[cell] for cell in cells if cell in self._handles)


def _is_card(node: FdtNode) -> bool:
    used = (node.strings("status") or ("okay",))[0] == "okay"
    return used and "reg" in node.properties and any(_CARDS.search(name) for name in node.strings("compatible"))
