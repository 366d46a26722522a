"""Which devices may be written, and what somebody has to say first."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from builder.core.resources import GIB, format_size
from builder.flash.devices import Device

# Cards of one TB are sold; what edge devices boot from is smaller, and what somebody's photographs are on is not.
USUAL_BYTES = 256 * GIB


class Reason(StrEnum):
    """Why a device is not written to."""

    SYSTEM = "system"
    USED = "in-use"
    READ_ONLY = "read-only"
    LARGE = "large"
    FIXED = "not-removable"

    @property
    def may_be_confirmed(self) -> bool:
        """Whether naming the device is enough; the kernel lets nobody write to what is in use."""
        return self in (Reason.LARGE, Reason.FIXED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Something that speaks against writing to a device, in words."""

    reason: Reason
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """`NAME:REASON`: somebody knows that, and wants it."""

    device: str
    reason: Reason


def objections(device: Device) -> list[Objection]:
    """Everything that speaks against writing to `device`."""
    uses = ", ".join(device.all_uses)
    found = [
        (device.has_system, Reason.SYSTEM, f"the running system is on it ({uses})"),
        (bool(uses) and not device.has_system, Reason.USED, f"it is in use: {uses}"),
        (device.read_only, Reason.READ_ONLY, "it cannot be written to (a card's write-protect switch?)"),
        (
            device.size_bytes > USUAL_BYTES,
            Reason.LARGE,
            f"with {format_size(device.size_bytes)} it is larger than cards usually are",
        ),
        (not device.removable, Reason.FIXED, "it is no removable device"),
    ]
    return [Objection(reason=reason, text=text) for holds, reason, text in found if holds]


def unconfirmed(device: Device, confirmed: Collection[Confirmation]) -> Sequence[Objection]:
    """The objections to `device` that stand although all of `confirmed` was said."""
    said = {one.reason for one in confirmed if one.device == device.name}
    return [one for one in objections(device) if not (one.reason.may_be_confirmed and one.reason in said)]
