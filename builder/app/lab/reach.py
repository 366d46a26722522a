"""How a lab is reached from this machine: kubectl, SSH, transcripts."""

from collections.abc import Callable
from pathlib import Path

from builder.core.arch import host_arch
from builder.core.errors import MissingToolError, RecipeError
from builder.core.nearest import suggestion
from builder.lab.place import LabPlace
from builder.lab.plan import read_plan
from builder.vm.machine import TRANSCRIPT

Which = Callable[[str], str | None]


def kubectl_command(place: LabPlace, out: Path, which: Which) -> list[str]:
    """The words that kubectl's own follow: kedge's, where builds wrote it to `out` for this machine, or the user's."""
    if not place.kubeconfig.exists():
        raise RecipeError(f"the lab {place.name} has no cluster")
    built = sorted(out.glob(f"*/{host_arch()}/kedge"), key=lambda path: path.stat().st_mtime)
    if built:
        return [str(built[-1]), "kubectl"]
    found = which("kubectl")
    if found is None:
        raise MissingToolError(
            "there is no kubectl on this machine, and no kedge for it",
            hint=f"builder make --arch {host_arch()} --target executable",
        )
    return [found]


def ssh_command(place: LabPlace, machine: str, which: Which) -> list[str]:
    """The words that log in to `machine` as root; a command may follow."""
    planned = {one.name: one for one in read_plan(place.plan).machines}
    if machine not in planned:
        raise RecipeError(
            f"the lab {place.name} has no machine {machine!r}{suggestion(machine, 'machines', list(planned))}"
        )
    port, found = planned[machine].ssh_port, which("ssh")
    if not port:
        raise RecipeError(f"no port leads to {machine}: it has no nat", hint=f"builder lab run {machine} -- COMMAND")
    if found is None:
        raise MissingToolError("there is no ssh on this machine", hint="on Debian: apt install openssh-client")
    # Each lab makes its own machines: nothing is to be remembered of them.
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes"]
    words = [word for option in options for word in ("-o", option)]
    return [found, *words, "-i", str(place.ssh_key), "-p", str(port), "root@127.0.0.1"]


def transcript(place: LabPlace, machine: str) -> bytes:
    """All that the console of `machine` has said; without a name, what the supervisor said."""
    path = place.machine(machine) / TRANSCRIPT if machine else place.log
    if machine and not place.machine(machine).is_dir():
        known = sorted(one.name for one in place.machine(".").iterdir())
        raise RecipeError(f"the lab {place.name} has no machine {machine!r}{suggestion(machine, 'machines', known)}")
    return path.read_bytes() if path.exists() else b""
