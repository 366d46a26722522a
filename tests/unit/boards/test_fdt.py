"""Device trees are read whole; damage is found wherever it is."""

import pytest

from builder.core.errors import BuilderError
from builder.formats.fdt import read_fdt
from tests.unit.boards.material import Properties, fdt

TREE: Properties = {
    "model": b"a board\0",
    "soc": {"mmc@1": {"compatible": b"maker,one\0maker,two\0", "reg": b"\0\0\0\1\0\0\0\2"}, "empty": {}},
}


def test_nodes_and_properties() -> None:
    root = read_fdt(fdt(TREE) + b"behind it")
    assert root.strings("model") == ("a board",)
    card = root.children["soc"].children["mmc@1"]
    assert (card.strings("compatible"), card.cells("reg")) == (("maker,one", "maker,two"), (1, 2))
    assert (card.strings("status"), card.cells("status")) == ((), ())
    assert [node.name for node in root.all()] == ["", "soc", "mmc@1", "empty"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "at least 40 bytes"),
        (b"\0" * 100, "it begins with 0x00000000"),
        (fdt(TREE)[:-1], "the device tree is cut"),
        (fdt(TREE)[:20] + b"\0\0\0\2" + fdt(TREE)[24:], "a device tree of format 2"),
        (fdt(TREE)[:8] + b"\0\1\0\0" + fdt(TREE)[12:], "its parts lie outside of it"),
        (fdt(TREE)[:40] + b"\0\0\0\3" + fdt(TREE)[44:], "it has no root"),
        (fdt(TREE)[:48] + b"\0\0\0\7" + fdt(TREE)[52:], "7 at byte 8 of its structure"),
        (fdt(TREE)[:52] + b"\0\1\0\0" + fdt(TREE)[56:], "its nodes do not end"),
    ],
)
def test_damage_is_told(data: bytes, told: str) -> None:
    with pytest.raises(BuilderError, match=told):
        read_fdt(data)
