"""A lab as a table: how far each machine has come, and after how long. Pure."""

from builder.cli.render.symbols import Symbols
from builder.cli.render.table import render_table
from builder.cli.render.text import format_timer
from builder.lab.stages import ORDER
from builder.lab.status import BootStatus, LabStatus, MachineStatus


def lab_table(status: LabStatus, symbols: Symbols) -> str:
    """A row for each machine; times count from when it was turned on."""
    headers = ("machine", "role", "arch", *(stage.value for stage in ORDER), "now")
    rows = [_row(machine, _last_boot(status, machine.name), status.now_s, symbols) for machine in status.machines]
    return render_table(headers, rows, right=[stage.value for stage in ORDER])


def _row(machine: MachineStatus, boot: BootStatus | None, now_s: float, symbols: Symbols) -> tuple[str, ...]:
    stages = boot.stages if boot else {}
    began_s = boot.began_s if boot else now_s
    cells = [format_timer(stages[stage] - began_s) if stage in stages else "" for stage in ORDER]
    role = machine.role.value if machine.role else "-"
    return (machine.name, role, machine.arch, *cells, _now(machine, boot, now_s, symbols))


def _now(machine: MachineStatus, boot: BootStatus | None, now_s: float, symbols: Symbols) -> str:
    if not machine.is_on or boot is None:
        return f"{symbols.failed}QEMU ended" if machine.failure else "off"
    words = []
    if machine.trouble:
        words.append(f"{symbols.failed}{machine.trouble}")
    elif machine.role and machine.stage is ORDER[-1] and machine.node != "NotReady":
        words.append(f"{symbols.done}Ready")
    else:
        words.append(f"{machine.node or 'running'} for {format_timer(now_s - machine.since_s)}")
    if machine.cut:
        words.append(f"cut off from {', '.join(machine.cut)}")
    return "; ".join(words)


def _last_boot(status: LabStatus, name: str) -> BootStatus | None:
    return next((boot for boot in reversed(status.boots) if boot.machine == name), None)
