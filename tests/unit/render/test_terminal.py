"""Keys for the machine, and keys for the builder."""

import pytest

from builder.cli.terminal import Keys


@pytest.mark.parametrize(
    ("pieces", "passed", "leaves"),
    [
        ([b"ls\r", b"\x03"], b"ls\r\x03", False),
        ([b"abc\x01xdef"], b"abc", True),
        ([b"a\x01", b"x"], b"a", True),
        ([b"\x01a", b"x"], b"\x01x", False),
        ([b"\x01\x01x"], b"\x01x", False),
        ([b"\x01q"], b"\x01q", False),
    ],
)
def test_keys(pieces: list[bytes], passed: bytes, leaves: bool) -> None:
    keys = Keys()
    fed = [keys.feed(piece) for piece in pieces]
    assert b"".join(one for one, _ in fed) == passed
    assert fed[-1][1] is leaves
