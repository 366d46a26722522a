"""File capabilities as the kernel stores them (linux/capability.h: VFS_CAP_REVISION_2)."""

import struct
from collections.abc import Iterable

# In the order of their numbers.
NAMES = (
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable",
    "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot",
    "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod",
    "lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend",
    "audit_read", "perfmon", "bpf", "checkpoint_restore",
)  # fmt: skip
_REVISION_2, _EFFECTIVE = 0x02000000, 1
_WORD_BITS = 32


def capability_bytes(names: Iterable[str]) -> bytes:
    """The attribute security.capability of a file with `names` (`net_bind_service`) permitted and effective."""
    permitted = sum(1 << NAMES.index(name) for name in set(names))
    if not permitted:
        return b""
    low, high = permitted & 0xFFFFFFFF, permitted >> _WORD_BITS
    return struct.pack("<IIIII", _REVISION_2 | _EFFECTIVE, low, 0, high, 0)
