"""What programs of a tools tree must be told, since they look for their files where Debian installs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFacts:
    """Arguments that come before all others, and variables; `{tree}` is the tree's root, `{libraries}` its libraries."""

    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


_EXT4 = ToolFacts(environment={"MKE2FS_CONFIG": "{tree}/etc/mke2fs.conf"})
_QEMU = ToolFacts(
    arguments=("-L", "{tree}/usr/share/qemu", "-L", "{tree}/usr/share/seabios", "-L", "{tree}/usr/lib/ipxe/qemu"),
    environment={"QEMU_MODULE_DIR": "{libraries}/qemu"},
)
_QEMU_IMAGES = ToolFacts(environment={"QEMU_MODULE_DIR": "{libraries}/qemu"})
_OPENSSL = ToolFacts(
    environment={"OPENSSL_CONF": "{tree}/etc/ssl/openssl.cnf", "OPENSSL_MODULES": "{libraries}/ossl-modules"}
)
# Every name that mtools is called by; it reads /etc/mtools.conf of the machine too, which only names drives.
_MTOOLS = ToolFacts(environment={"MTOOLSRC": "/dev/null"})

_FACTS: Mapping[str, ToolFacts] = {
    "mke2fs": _EXT4,
    "mkfs.ext?": _EXT4,
    "qemu-system-*": _QEMU,
    "qemu-img": _QEMU_IMAGES,
    "openssl": _OPENSSL,
    **dict.fromkeys(
        ("mtools", "mattrib", "mcopy", "mdel", "mdir", "mformat", "mlabel", "mmd", "mmove", "mtype"), _MTOOLS
    ),
}
# glibc's own files, for every dynamic program: converters of character sets (mtools), locales.
_OF_THE_LIBRARY = ToolFacts(environment={"GCONV_PATH": "{libraries}/gconv", "LOCPATH": "{tree}/usr/lib/locale"})


def facts_of(name: str, *, dynamic: bool) -> ToolFacts:
    """What the program `name` must be told."""
    own = next((facts for pattern, facts in _FACTS.items() if fnmatchcase(name, pattern)), ToolFacts())
    if not dynamic:
        return own
    return ToolFacts(arguments=own.arguments, environment={**_OF_THE_LIBRARY.environment, **own.environment})
