"""A lab's directory: everything that a lab has anywhere, so that its end is the end of this."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.core.errors import RecipeError
from builder.core.nearest import suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class LabPlace:
    """The directory `path` of one lab, which only its owner may read."""

    path: Path

    @property
    def name(self) -> str:
        """The lab's name."""
        return self.path.name

    @property
    def plan(self) -> Path:
        """What the supervisor is given; there when everything beside it is."""
        return self.path / "plan.json"

    @property
    def state(self) -> Path:
        """Which processes there are, by id and start time."""
        return self.path / "state.json"

    @property
    def preparing(self) -> Path:
        """A lock: held while somebody prepares the lab or ends it."""
        return self.path / "preparing.lock"

    @property
    def running(self) -> Path:
        """A lock: held by the supervisor as long as it lives."""
        return self.path / "running.lock"

    @property
    def owner(self) -> Path:
        """A lock: held by the test that made the lab for itself alone."""
        return self.path / "owner.lock"

    @property
    def log(self) -> Path:
        """What the supervisor says."""
        return self.path / "supervisor.log"

    @property
    def clusters(self) -> Path:
        """The lab's cluster, as its operator keeps it."""
        return self.path / "clusters"

    @property
    def passphrase(self) -> Path:
        """The passphrase of the lab's cluster."""
        return self.path / "passphrase"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, by the address that this machine reaches the API server at."""
        return self.path / "kubeconfig"

    @property
    def ssh_key(self) -> Path:
        """The key with which root logs in to the lab's nodes."""
        return self.path / "ssh_key"

    def machine(self, name: str) -> Path:
        """The directory of the machine `name`."""
        return self.path / "machines" / name

    def card(self, name: str) -> Path:
        """The image that the machine `name` was provisioned on; what it writes lies in another file."""
        return self.machine(name) / "card.img"


# In a lab's directory: the socket at which its supervisor answers.
CONTROL = "control"


def labs_directory(cache: Path) -> Path:
    """Where labs lie."""
    return cache / "labs"


def lab_names(labs: Path) -> list[str]:
    """The labs that there are, running or not."""
    return sorted(path.name for path in _directories(labs))


def find_lab(labs: Path, name: str) -> LabPlace:
    """The lab `name`; without a name the only one that there is."""
    known = lab_names(labs)
    if not known:
        raise RecipeError("there is no lab", hint="builder lab up recipes/labs/pair.yaml")
    if not name and len(known) > 1:
        raise RecipeError("there are several labs", details=known, hint="name one with --lab")
    if name and name not in known:
        raise RecipeError(f"there is no lab {name!r}{suggestion(name, 'there', known)}")
    return LabPlace(path=labs / (name or known[0]))


def _directories(labs: Path) -> Iterator[Path]:
    if labs.is_dir():
        yield from (path for path in labs.iterdir() if path.is_dir())
