"""Which modules are loaded, and in which order."""

import pytest

from builder.core.errors import BuilderError
from builder.image.modules import ModuleIndex

INDEX = ModuleIndex.read(
    {
        "modules.dep": (
            "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/fs/mbcache.ko.xz\n"
            "kernel/fs/jbd2/jbd2.ko.xz: kernel/lib/base.ko.xz\n"
            "kernel/fs/mbcache.ko.xz:\n"
            "kernel/lib/base.ko.xz:\n"
            "kernel/crypto/crc32c_generic.ko.xz:\n"
            "kernel/drivers/mmc/sunxi-mmc.ko.xz: kernel/lib/base.ko.xz\n"
            "kernel/a/one.ko.xz:\n"
            "kernel/a/two.ko.xz:\n"
        ),
        "modules.softdep": "softdep ext4 pre: crc32c\nsoftdep one pre: two\nsoftdep two post: one\n",
        "modules.alias": "alias crc32c crc32c_generic\nalias of:N*T*Callwinner,sun4i-mmcC* sunxi_mmc\n",
        "modules.builtin": "kernel/fs/squashfs/squashfs.ko\n",
    }
)


def test_a_module_comes_behind_what_it_needs_and_what_it_would_like() -> None:
    assert INDEX.order({"ext4": "here"}) == [
        "kernel/crypto/crc32c_generic.ko.xz",
        "kernel/fs/mbcache.ko.xz",
        "kernel/lib/base.ko.xz",
        "kernel/fs/jbd2/jbd2.ko.xz",
        "kernel/fs/ext4/ext4.ko.xz",
    ]


def test_hyphens_and_underlines_mean_the_same_and_nothing_comes_twice() -> None:
    assert INDEX.order({"sunxi_mmc": "a", "sunxi-mmc": "b", "base": "c"}) == [
        "kernel/lib/base.ko.xz",
        "kernel/drivers/mmc/sunxi-mmc.ko.xz",
    ]


def test_what_is_built_in_needs_no_module_and_an_alias_means_its_own() -> None:
    assert INDEX.order({"squashfs": "a", "crc32c": "b"}) == ["kernel/crypto/crc32c_generic.ko.xz"]


def test_wishes_in_a_circle_end() -> None:
    assert INDEX.order({"one": "a"}) == ["kernel/a/two.ko.xz", "kernel/a/one.ko.xz"]


def test_all_missing_modules_are_told_with_where_they_are_asked_for() -> None:
    with pytest.raises(BuilderError) as caught:
        INDEX.order({"sunxi-mcc": "boards/x.yaml:5:3", "ext4": "here", "nvme": "image.yaml:9:1"})
    assert caught.value.details == (
        "boards/x.yaml:5:3: there is no module 'sunxi-mcc'; did you mean 'sunxi_mmc'?",
        "image.yaml:9:1: there is no module 'nvme'",
    )
