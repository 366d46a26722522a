"""`builder lab`: a whole cluster in QEMU on this machine."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builder.cli.live import live_session
from builder.cli.options import EmulateOption, JsonOption, OutOption

if TYPE_CHECKING:
    from builder.lab.client import LabClient
    from builder.lab.place import LabPlace

LabOption = Annotated[str, typer.Option("--lab", metavar="NAME", help="The lab. Default: the only one that there is.")]
_MachineArgument = Annotated[str, typer.Argument(metavar="MACHINE", help="A machine of the lab.")]
_NetworkOption = Annotated[
    str, typer.Option("--network", metavar="NAME", help="This network alone. Default: all of the machine's.")
]
_WORDS = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
_READY_S = 7200.0
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SHIFT = re.compile(r"([+-]?)(\d+)([smhd])")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command(epilog="Example: builder lab up recipes/labs/pair.yaml")(up)
    group.command("list", epilog="Example: builder lab list")(list_labs)
    group.command(epilog="Example: builder lab status --once")(status)
    group.command(epilog="Example: builder lab kubectl -- get nodes -o wide", context_settings=_WORDS)(kubectl)
    group.command(epilog="Example: builder lab console field-1")(console)
    group.command(epilog="Example: builder lab ssh field-1 -- uname -m", context_settings=_WORDS)(ssh)
    group.command(epilog="Example: builder lab run field-1 -- uname -m", context_settings=_WORDS)(run)
    group.command(epilog="Example: builder lab logs barn")(logs)
    group.command(epilog="Example: builder lab cut field-1")(cut)
    group.command(epilog="Example: builder lab heal field-1")(heal)
    group.command("power-cut", epilog="Example: builder lab power-cut field-1 --stay-off")(power_cut)
    group.command("power-on", epilog="Example: builder lab power-on field-1")(power_on)
    group.command(epilog="Example: builder lab clock field-1 +400d")(clock)
    group.command(epilog="Example: builder lab save field-1 joined")(save)
    group.command(epilog="Example: builder lab restore field-1 joined")(restore)
    group.command(epilog="Example: builder lab down")(down)
    app.add_typer(
        group, name="lab", help="Labs: several machines in QEMU as one cluster, from the images that were built."
    )


def up(  # noqa: PLR0913 - one parameter per option
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file that describes the lab.")],
    *,
    name: Annotated[str, typer.Option("--name", help="The lab's name. Default: its file's.")] = "",
    out: OutOption = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Show how far the machines are, until all nodes are Ready.")
    ] = True,
    emulate: EmulateOption = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="Fail when it is not ready after so long.")
    ] = _READY_S,
) -> None:
    """Make a cluster and start its machines. They go on when this command ends; 'builder lab down' ends them."""
    from builder.app.lab.survey import read_lab
    from builder.app.lab.up import LabWanted, lab_up
    from builder.app.session import Settings
    from builder.cli.commands.cluster import now
    from builder.cli.lab_live import follow
    from builder.lab.client import LabClient

    with live_session(Settings(), quiet=True, events=None) as session:
        wanted = LabWanted(
            written=read_lab(file), name=name or file.stem, out=out or session.project.root / "out", emulate=emulate
        )
        place = lab_up(session, wanted, now=now(), tell=lambda text: typer.echo(text, err=True))
    if wait:
        try:
            follow(LabClient(place), timeout_s=timeout)
        except KeyboardInterrupt:
            typer.echo(f"the lab {place.name} goes on; 'builder lab status' shows it", err=True)


def list_labs(*, as_json: JsonOption = False) -> None:
    """List the labs that there are."""
    from builder.app.project import find_project
    from builder.lab.place import lab_names, labs_directory

    names = lab_names(labs_directory(find_project(os.environ).cache))
    typer.echo(json.dumps(names) if as_json else "\n".join(names) or "there is no lab")


def status(
    *,
    lab: LabOption = "",
    once: Annotated[bool, typer.Option("--once", help="Show it once, also on a terminal.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how far each machine has come; on a terminal live, until all nodes are Ready or Ctrl-C."""
    from builder.cli.lab_live import follow, is_live, table

    client = _client(lab)
    if as_json:
        typer.echo(client.status().model_dump_json(indent=2))
    elif once or not is_live():
        typer.echo(table(client.status()), nl=False)
    else:
        try:
            follow(client, timeout_s=None)
        except KeyboardInterrupt:
            return


def kubectl(context: typer.Context, *, lab: LabOption = "") -> None:
    """Run kubectl as the administrator of the lab's cluster."""
    from builder.app.lab.reach import kubectl_command

    place = _place(lab)
    argv = [*kubectl_command(place, _out(), shutil.which), *context.args]
    environment = {**os.environ, "KUBECONFIG": str(place.kubeconfig)}
    os.execve(argv[0], argv, environment)  # noqa: S606 - kubectl takes this process's place: terminal, signals, status


def ssh(context: typer.Context, machine: _MachineArgument, *, lab: LabOption = "") -> None:
    """Log in to a machine as root, or run a command there, over its network."""
    from builder.app.lab.reach import ssh_command

    argv = [*ssh_command(_place(lab), machine, shutil.which), *_words(context)]
    os.execve(argv[0], argv, dict(os.environ))  # noqa: S606 - ssh takes this process's place


def run(
    context: typer.Context,
    machine: _MachineArgument,
    *,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="Fail when it is not done after so long.")
    ] = 300.0,
    lab: LabOption = "",
) -> None:
    """Run a command in a machine as root; it needs no network."""
    import shlex

    from builder.core.errors import RecipeError

    words = _words(context)
    if not words:
        raise RecipeError("which command?", hint=f"builder lab run {machine} -- uname -m")
    command = words[0] if len(words) == 1 else shlex.join(words)
    answer = _client(lab).run(machine, command, timeout)
    typer.echo(answer.output, nl=not answer.output.endswith("\n"))
    if answer.status:
        raise typer.Exit(answer.status)


def console(machine: _MachineArgument, *, lab: LabOption = "") -> None:
    """Be at a machine's console. Ctrl-A x leaves it, and the machine goes on."""
    from builder.cli.lab_console import ShownConsole
    from builder.cli.terminal import has_terminal, pass_keys
    from builder.core.errors import RecipeError

    if not has_terminal():
        raise RecipeError("the console needs a terminal", hint="builder lab logs prints what it has said")
    typer.echo(f"the console of {machine}; Ctrl-A x leaves it", err=True)
    connection, first = _client(lab).console(machine)
    with connection:
        pass_keys(connection.sendall, ShownConsole(connection, first).is_over)


def logs(
    machine: Annotated[str, typer.Argument(metavar="[MACHINE]", help="A machine; without one, the supervisor.")] = "",
    *,
    lab: LabOption = "",
) -> None:
    """Print all that a machine's console has said, or what the lab's supervisor said."""
    from builder.app.lab.reach import transcript
    from builder.vm.console import plain_text

    typer.echo(plain_text(transcript(_place(lab), machine)), nl=False)


def cut(machine: _MachineArgument, *, network: _NetworkOption = "", lab: LabOption = "") -> None:
    """Lose all that a machine sends and gets, while its interfaces stay up: a dead uplink."""
    _client(lab).ask("cut", machine=machine, network=network, is_cut=True)


def heal(machine: _MachineArgument, *, network: _NetworkOption = "", lab: LabOption = "") -> None:
    """End what 'cut' began."""
    _client(lab).ask("cut", machine=machine, network=network, is_cut=False)


def power_cut(
    machine: _MachineArgument,
    *,
    stay_off: Annotated[bool, typer.Option("--stay-off", help="Do not turn it on again.")] = False,
    lab: LabOption = "",
) -> None:
    """Take a machine's power away without a word, and give it back."""
    client = _client(lab)
    client.ask("power-cut", machine=machine)
    if not stay_off:
        client.ask("power-on", machine=machine)


def power_on(machine: _MachineArgument, *, lab: LabOption = "") -> None:
    """Turn a machine on that is off."""
    _client(lab).ask("power-on", machine=machine)


def clock(
    machine: _MachineArgument,
    shift: Annotated[
        str, typer.Argument(metavar="SHIFT", help="Such as +400d, -90m, 0s: how far it is from the time.")
    ],
    *,
    lab: LabOption = "",
) -> None:
    """Let a machine's hardware clock be wrong, from the next time on that it is turned on."""
    _client(lab).ask("clock", machine=machine, shift_s=_parse_shift(shift))
    typer.echo(f"from its next start on; now: builder lab power-cut {machine}", err=True)


def save(
    machine: _MachineArgument, snapshot: Annotated[str, typer.Argument(metavar="SNAPSHOT")], *, lab: LabOption = ""
) -> None:
    """Keep all of a machine, memory and disk, as it is now."""
    _client(lab).ask("save", machine=machine, snapshot=snapshot)


def restore(
    machine: _MachineArgument, snapshot: Annotated[str, typer.Argument(metavar="SNAPSHOT")], *, lab: LabOption = ""
) -> None:
    """Make a machine what it was when it was saved."""
    _client(lab).ask("restore", machine=machine, snapshot=snapshot)


def down(*, lab: LabOption = "") -> None:
    """End a lab: no process, socket or file of it is left, whatever has become of it."""
    from builder.lab.end import end_lab

    place = _place(lab)
    end_lab(place)
    typer.echo(f"the lab {place.name} is gone", err=True)


def _words(context: typer.Context) -> list[str]:
    """The words of a command, behind the machine's name and `--`."""
    return context.args[1:] if context.args[:1] == ["--"] else context.args


def _parse_shift(text: str) -> int:
    from builder.core.errors import RecipeError

    found = _SHIFT.fullmatch(text)
    if not found:
        raise RecipeError(f"{text!r} must be a number with s, m, h or d, such as +400d or -90m")
    return int(f"{found[1]}{found[2]}") * _UNITS_S[found[3]]


def _out() -> Path:
    from builder.app.project import find_project

    return find_project(os.environ).root / "out"


def _place(name: str) -> "LabPlace":
    from builder.app.project import find_project
    from builder.lab.place import find_lab, labs_directory

    return find_lab(labs_directory(find_project(os.environ).cache), name)


def _client(name: str) -> "LabClient":
    from builder.lab.client import LabClient

    return LabClient(_place(name))
