"""Devices opened by udisks2 for who may not by himself: it asks polkit, and that asks the user where its rules say so.

https://storaged.org/doc/udisks2-api/latest/gdbus-org.freedesktop.UDisks2.Block.html#gdbus-method-org-freedesktop-UDisks2-Block.OpenDevice
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, DBusErrorResponse, MessageFlag, new_method_call
from jeepney.auth import AuthenticationError, FDNegotiationError
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from jeepney.wrappers import unwrap_msg

_SERVICE, _ROOT = "org.freedesktop.UDisks2", "/org/freedesktop/UDisks2"
_UNKNOWN = ("org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner")
# A person may have to type a password.
_ANSWER_S = 120.0


class UdisksError(Exception):
    """Why udisks2 opened nothing, in words that go on after a colon."""


def open_device(path: Path, flags: int) -> int:
    """A descriptor of the device `path`, for reading and writing and opened with `flags` of open(2)."""
    try:
        connection = open_dbus_connection(bus="SYSTEM", enable_fds=True)
    except (OSError, RuntimeError, AuthenticationError, FDNegotiationError):
        raise UdisksError("there is no system bus on which udisks2 could be asked") from None
    with connection:
        (known,) = _call(
            connection, f"{_ROOT}/Manager", "Manager.ResolveDevice", "a{sv}a{sv}", ({"path": ("s", str(path))}, {})
        )
        if not known:
            raise UdisksError("udisks2 does not know the device")
        options = {"flags": ("i", flags & ~(os.O_ACCMODE | os.O_CLOEXEC))}
        (opened,) = _call(connection, known[0], "Block.OpenDevice", "sa{sv}", ("rw", options))
        descriptor: int = opened.to_raw_fd()
    os.set_inheritable(descriptor, False)
    return descriptor


def _call(
    connection: DBusConnection, place: str, method: str, signature: str, arguments: Sequence[object]
) -> Sequence[Any]:
    """What `method` (`INTERFACE.NAME`) of the object `place` answers."""
    interface, _, name = method.rpartition(".")
    address = DBusAddress(place, bus_name=_SERVICE, interface=f"{_SERVICE}.{interface}")
    message = new_method_call(address, name, signature, tuple(arguments))
    message.header.flags |= MessageFlag.allow_interactive_authorization
    try:
        body: Sequence[Any] = unwrap_msg(connection.send_and_get_reply(message, timeout=_ANSWER_S))
    except DBusErrorResponse as error:
        if error.name in _UNKNOWN:
            raise UdisksError("udisks2, which could open it for you, is not there") from None
        raise UdisksError(f"udisks2 refuses: {error.data[0] if error.data else error.name}") from None
    except TimeoutError:
        raise UdisksError("udisks2 was asked, and did not answer within two minutes") from None
    except OSError as error:
        raise UdisksError(f"udisks2 was asked, and the bus ended: {error.strerror}") from None
    return body
