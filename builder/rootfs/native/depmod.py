"""The indexes of a kernel's modules, which modprobe and udev look things up in, as the kernel package's postinst makes them.

One program serves all suites. kmod 34 writes the nodes of `modules.*.bin` in another order than kmod 30 does, and
`modules.weakdep` besides; either reads the other's. The texts are the same to the byte.
"""

import posixpath
import re
from collections.abc import Mapping

from builder.core.errors import BuilderError
from builder.rootfs.native.bench import Bench
from builder.rootfs.tree import Content

_MODULES = "usr/lib/modules"
_MODULE = re.compile(r"\.ko(?:\.(?:gz|xz|zst))?$")


def index_modules(files: Mapping[str, Content], bench: Bench) -> dict[str, bytes]:
    """The indexes by their paths, for all kernels whose modules and lists are among `files` (by path, `usr/lib/modules/...`)."""
    wanted = {path: content for path, content in files.items() if is_source(path)}
    versions = sorted({path.split("/")[3] for path in wanted})
    if not any(_MODULE.search(path) for path in wanted):
        raise BuilderError(
            "there are no kernel modules to index", hint=f"the package of a kernel has them below {_MODULES}"
        )
    root = bench.lay_out("modules", wanted)
    (root / "lib").symlink_to("usr/lib")
    # In place of the machine's own configuration; Debian's packages bring none.
    (root / "depmod.d").mkdir()
    for version in versions:
        command = bench.tools.command("depmod", "--config", root / "depmod.d", "--basedir", root, version)
        bench.runner.run(command)
    made = [path for version in versions for path in (root / _MODULES / version).glob("modules.*")]
    found = {str(path.relative_to(root)): path for path in sorted(made)}
    return {name: path.read_bytes() for name, path in found.items() if name not in wanted}


def is_source(path: str) -> bool:
    """Whether the file at `path` is a module, or one of the lists that a kernel package brings."""
    parts = path.split("/")
    if len(parts) < 5 or not path.startswith(f"{_MODULES}/"):  # noqa: PLR2004 - usr/lib/modules/VERSION/FILE
        return False
    return _MODULE.search(path) is not None or posixpath.basename(path).startswith("modules.")
