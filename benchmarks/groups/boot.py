"""What a first and a second boot of the default image take in virtual machines, by the guest's own clock."""

import re
from collections.abc import Mapping

from benchmarks.report import Measurement, Report, Table, Unit
from benchmarks.setting import Setting
from benchmarks.stats import Series, tell
from builder.app.session import Session, Settings
from builder.core.errors import BuilderError
from builder.io.leash import Leash
from builder.io.spawn import Runner
from tests.qemu.lab import Lab, facts, open_lab, turn_off

# Those of which the clock counts instructions.
_MACHINES = {
    "virt-armv7": "generic-armv7",
    "virt-arm64": "generic-arm64",
    "q35-uefi": "generic-amd64",
    "q35-bios": "generic-amd64",
}
_PART = re.compile(r"(?:(\d+)min )?(\d+(?:\.\d+)?)(m?s) \((\w+)\)")
_PARTS = {"kernel": "kernel and initrd", "userspace": "userspace"}


def measure(setting: Setting) -> Report:
    """The image comes from the user's cache, or is made first."""
    measurements: list[Measurement] = []
    rows: list[list[str]] = []
    with setting.place() as place, Session(setting.project, Settings()) as session, Leash() as leash:
        lab = open_lab(session, Runner(log=place / "tools.log", leash=leash), place)
        for machine, board in _MACHINES.items():
            tell(f"booting {machine} ...")
            for boot, parts in zip(("first", "second"), _boots(lab, machine, board), strict=True):
                rows.append([machine, boot, *(f"{parts[one]:.1f} s" for one in _PARTS)])
                whole = Series.of(parts["kernel"] + parts["userspace"])
                name = f"{machine}: {boot} boot, kernel to running"
                measurements.append(Measurement(name=name, unit=Unit.SECONDS, series=whole))
    return Report(
        group="boot",
        figures=[],
        measurements=measurements,
        tables=[Table(title="Where the time goes", columns=["machine", "boot", *_PARTS.values()], rows=rows)],
        notes=[
            "The guest's clock counts instructions, each of which it takes for 2 ns, on one core: no time of any board.",
            "The image is the default one with a unit that tells these figures; `systemd-analyze time` in the guest.",
        ],
    )


def _boots(lab: Lab, machine_name: str, board: str) -> list[Mapping[str, float]]:
    """Seconds of each part of two boots of one device."""
    device = lab.device(machine_name, board, machine_name)
    parts = []
    for _ in range(2):
        with lab.start(device) as machine:
            told = facts(machine)
            turn_off(machine)
        if told["state"] != "running":
            raise BuilderError(f"{machine_name} is {told['state']}: {told['failed']}")
        parts.append(_seconds(told["startup"]))
    lab.remove(device)
    return parts


def _seconds(startup: str) -> Mapping[str, float]:
    """What systemd-analyze says: `Startup finished in 1.2s (kernel) + 1min 3.4s (userspace) = ...`."""
    return {
        part: 60 * float(minutes or 0) + float(number) / (1000 if unit == "ms" else 1)
        for minutes, number, unit, part in _PART.findall(startup)
    }
