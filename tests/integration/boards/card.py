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


def card_modules(root: FdtNode, aliases: str, cards: re.Pattern[str] | None = None) -> frozenset[str]:
    """Modules (with `_`) for the cards of the device tree `root`; `aliases` is the kernel's `modules.alias`."""
    drivers: dict[str, set[str]] = {}
    for compatible, module in _ALIAS.findall(aliases):
        drivers.setdefault(compatible, set()).add(module.replace("-", "_"))
    tree = _Tree(root)
    found: set[str] = set()
    for node in tree.needed(cards or _CARDS):
        found |= {module for name in node.strings("compatible") for module in drivers.get(name, ())}
    return frozenset(found)


class _Tree:
    def __init__(self, root: FdtNode) -> None:
        self._root = root
        self._parents = {id(child): node for node in root.all() for child in node.children.values()}
        self._handles: Mapping[int, FdtNode] = {
            node.cells("phandle")[0]: node for node in root.all() if node.cells("phandle")
        }

    def needed(self, cards: re.Pattern[str]) -> Iterator[FdtNode]:
        """The controllers of cards that are used, and all that they cannot work without."""
        waiting = [node for node in self._root.all() if _is_card(node, cards)]
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


def _is_card(node: FdtNode, cards: re.Pattern[str]) -> bool:
    used = (node.strings("status") or ("okay",))[0] == "okay"
    return used and "reg" in node.properties and any(cards.search(name) for name in node.strings("compatible"))
