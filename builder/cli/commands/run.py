"""`builder run`: an image in an emulated machine, and a person at its console."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builder.cli.live import live_session
from builder.cli.options import EmulateOption

if TYPE_CHECKING:
    from builder.app.run.start import Running, RunWanted

_LONG_S = 365 * 24 * 3600.0


class NetworkChoice(StrEnum):
    """What the machine is connected to."""

    USER = "user"
    NONE = "none"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Examples: builder run out/edge/armv7 --port 2222:22; builder run my.img --machine q35-bios"
        " --until 'login:' --timeout 300"
    )(run)


def _machines(incomplete: str) -> list[str]:
    from builder.app.project import find_project
    from builder.vm.machines import machine_names

    known = machine_names(find_project(os.environ).root / "recipes" / "machines")
    return [name for name in known if name.startswith(incomplete)]


def run(  # noqa: PLR0913 - one parameter per option
    image: Annotated[
        Path | None,
        typer.Argument(metavar="[IMAGE]", help="An image, or a directory below which there is one. Default: out/edge."),
    ] = None,
    *,
    machine: Annotated[
        str | None,
        typer.Option(
            "--machine", help="A machine of recipes/machines. Default: the board's.", autocompletion=_machines
        ),
    ] = None,
    port: Annotated[
        list[str] | None,
        typer.Option(
            "--port", metavar="HERE:THERE", help="Forward a port of this machine's 127.0.0.1; may be repeated."
        ),
    ] = None,
    network: Annotated[NetworkChoice, typer.Option("--network", help="What it is connected to.")] = NetworkChoice.USER,
    keep: Annotated[
        bool, typer.Option("--keep/--snapshot", help="Write into the image, or throw away what the machine writes.")
    ] = False,
    disk_size: Annotated[str, typer.Option("--disk-size", metavar="SIZE", help="A larger disk, such as '8 GiB'.")] = "",
    memory: Annotated[str, typer.Option("--memory", metavar="SIZE", help="Memory, such as '2 GiB'.")] = "",
    emulate: EmulateOption = False,
    own_time: Annotated[
        bool,
        typer.Option(
            "--own-time",
            help="Let its clock count instructions, so that nothing times out on a busy machine; one core.",
        ),
    ] = False,
    until: Annotated[
        str | None, typer.Option("--until", metavar="REGEX", help="End when the console has said this.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="Fail after so long.")
    ] = None,
) -> None:
    """Boot an image in an emulated machine; its console is yours. Ctrl-A x ends it, Ctrl-A a types Ctrl-A."""
    from builder.app.project import find_project
    from builder.app.run.start import RunWanted, parse_forward, run_image
    from builder.app.session import Settings
    from builder.cli.terminal import show_until
    from builder.core.resources import MIB, parse_size

    project = find_project(os.environ)
    wanted = RunWanted(
        image=image or project.root / "out" / "edge",
        machine=machine,
        forwards=[parse_forward(one) for one in port or ()],
        network=network is NetworkChoice.USER,
        keep=keep,
        disk_bytes=parse_size(disk_size) if disk_size else 0,
        memory_mib=parse_size(memory) // MIB if memory else 0,
        emulate=emulate,
        own_time=own_time,
    )
    check_pattern(until)
    with live_session(Settings(), quiet=True, events=None) as session:
        workspace = project.open("edge", ())
        with run_image(session, workspace, wanted, show_until(session.cancel)) as running:
            typer.echo(_described(running, wanted), err=True)
            _accompany(running, until, timeout)


def check_pattern(until: str | None) -> None:
    """Raise where `until` is no regular expression."""
    import re

    from builder.core.errors import RecipeError

    try:
        re.compile(until or "")
    except re.error as error:
        raise RecipeError(f"--until {until}: this is no regular expression: {error}") from error


def _described(running: "Running", wanted: "RunWanted") -> str:
    from builder.cli.terminal import has_terminal

    chosen = running.chosen
    how = "with KVM" if running.accelerator.value == "kvm" else "emulated"
    kept = "what it writes stays in the image" if wanted.keep else "what it writes is thrown away"
    end = "; Ctrl-A x ends it" if has_terminal() else ""
    return f"{chosen.image} on {chosen.machine_name} ({chosen.machine.title}; {chosen.why}), {how}; {kept}{end}"


def _accompany(running: "Running", until: str | None, timeout_s: float | None) -> None:
    from builder.cli.terminal import has_terminal, pass_keys
    from builder.core.errors import VerificationError

    machine, limit_s = running.machine, timeout_s or _LONG_S
    if until is not None:
        machine.expect(until, limit_s)
    elif timeout_s is None and has_terminal():
        pass_keys(machine.console.send, machine.wait)
    elif not machine.wait(limit_s):
        raise VerificationError(
            f"the machine was not turned off within {limit_s:g} s", details=machine.console.last_lines()
        )
