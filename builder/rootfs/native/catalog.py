"""The journal's catalog of messages, as the postinst of Debian's systemd makes it; its form has not changed since systemd 195."""

from collections.abc import Mapping

from builder.rootfs.native.bench import Bench
from builder.rootfs.tree import Content

CATALOG = "var/lib/systemd/catalog/database"
_SOURCES = "usr/lib/systemd/catalog"


def compile_catalog(sources: Mapping[str, Content], bench: Bench) -> bytes:
    """The catalog of `sources` (by path)."""
    root = bench.lay_out("catalog", sources)
    bench.runner.run(bench.tools.command("journalctl", "--update-catalog", f"--root={root}"))
    return (root / CATALOG).read_bytes()


def is_source(path: str) -> bool:
    """Whether the file at `path` is part of the catalog."""
    return path.endswith(".catalog") and path.rpartition("/")[0] == _SOURCES
