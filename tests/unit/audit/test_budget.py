"""A slot that is too large says what makes it so."""

from pathlib import Path

import pytest

from builder.audit.rootfs.budget import require_within
from builder.core.errors import VerificationError
from builder.rootfs.emit import write_tar
from builder.rootfs.tree import Tree


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    made = Tree()
    made.write("usr/bin/small", b"x")
    made.write("usr/lib/large", b"x" * 5000)
    made.write("var/lib/dpkg/info/small.list", "/.\n/usr/bin\n/usr/bin/small\n")
    made.write("var/lib/dpkg/info/large:armhf.list", "/.\n/lib/large\n/usr/share/doc/gone\n")
    target = tmp_path / "rootfs.tar"
    write_tar(made, target, epoch_s=0)
    return target


def test_within(archive: Path) -> None:
    require_within(1000, 1000, archive)


def test_over(archive: Path) -> None:
    with pytest.raises(VerificationError) as caught:
        require_within(3 << 20, 2 << 20, archive)
    assert caught.value.brief == "the slot takes 3.0 MiB, more than its budget of 2.0 MiB"
    assert [line.rpartition(" has ")[0] for line in caught.value.details] == [
        "before it is compressed, large",
        "before it is compressed, small",
    ]
    assert "image.slot_budget" in caught.value.hint
