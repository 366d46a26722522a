"""A cluster's directory: `clusters/NAME`, of which nothing belongs into a repository.

| file | what |
|---|---|
| `cluster.json` | the record; replacing it is what makes a change |
| `kedge.yaml` | the ClusterConfig of its controllers, which people edit |
| `nodes/NODE.yaml` | what people say of a node |
| `fleet.yaml` | what people say of devices that have no name yet |
| `identity.age` | the age identity that all keys are encrypted for, under a passphrase; absent where the operator has one |
| `roots.age`, `keys-N.age` | keys, N being the record's generation |
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from builder.core.errors import BuilderError, RecipeError
from builder.core.nearest import suggestion
from builder.fleet.record import FORMAT, LABEL, Record
from builder.fleet.secret_keys import Keys, RootKeys
from builder.io.files import atomic_write
from builder.io.locks import locked
from builder.trust.age import decrypt, encrypt

_RECORD, _IDENTITY, _ROOTS = "cluster.json", "identity.age", "roots.age"
DIRECTORY_MODE, FILE_MODE = 0o700, 0o600
_IGNORE = b"# Keys of a cluster: never into a repository.\n*\n"
_HINT_COPY = "bring it back from a copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterDirectory:
    """The directory at `path`."""

    path: Path

    @property
    def config(self) -> Path:
        """The ClusterConfig of its controllers."""
        return self.path / "kedge.yaml"

    def node(self, name: str) -> Path:
        """What people say of the node `name`."""
        return self.path / "nodes" / f"{name}.yaml"

    @property
    def fleet(self) -> Path:
        """What people say of devices that have no name yet; it may be missing."""
        return self.path / "fleet.yaml"

    @property
    def identity(self) -> Path:
        """The encrypted identity, where a passphrase opens the keys."""
        return self.path / _IDENTITY

    @contextmanager
    def changing(self) -> Iterator[Record]:
        """The record, while nobody else changes it."""
        with locked(self.path / ".lock"):
            yield self.read()

    def read(self) -> Record:
        """The record; `BuilderError` where it cannot be understood."""
        path = self.path / _RECORD
        try:
            data = path.read_bytes()
            found = json.loads(data)["format"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = getattr(error, "strerror", None) or "it is damaged"
            raise BuilderError(f"{path} cannot be read: {reason}", hint=_HINT_COPY) from None
        if found != FORMAT:
            raise BuilderError(
                f"{self.path} has format {found}, and this builder knows {FORMAT}",
                hint="use the version of builder that made it, or a newer one",
            )
        try:
            return Record.model_validate_json(data)
        except ValidationError as error:
            lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)]
            raise BuilderError(f"{path} is damaged", details=lines, hint=_HINT_COPY) from None

    def write(self, record: Record) -> None:
        """Replace the record in one moment."""
        self.write_file(_RECORD, f"{record.model_dump_json(indent=1)}\n".encode())

    def write_roots(self, keys: RootKeys, recipient: str) -> None:
        """Write the keys that stay with the operator."""
        self.write_file(_ROOTS, encrypt(keys.dump(), recipient))

    def write_keys(self, keys: Keys, recipient: str, *, generation: int) -> None:
        """Write the keys of a generation, which counts once the record says so."""
        self.write_file(_keys_name(generation), encrypt(keys.dump(), recipient))

    def read_roots(self, identity: str) -> RootKeys:
        """Decrypt the keys that stay with the operator."""
        return RootKeys.parse(self._decrypted(_ROOTS, identity), where=str(self.path / _ROOTS))

    def read_keys(self, record: Record, identity: str) -> Keys:
        """Decrypt the keys of the record's generation."""
        name = _keys_name(record.generation)
        return Keys.parse(self._decrypted(name, identity), where=str(self.path / name))

    def forget_other_keys(self, *, generation: int) -> None:
        """Remove the keys of all generations but this one, among them what an earlier change was cut off before removing."""
        for path in self.path.glob(_keys_name("*")):
            if path.name != _keys_name(generation):
                path.unlink()

    def write_file(self, name: str, data: bytes) -> None:
        """Write a file that only its owner may read."""
        path = self.path / name
        try:
            atomic_write(path, data, mode=FILE_MODE)
        except OSError as error:
            raise BuilderError(f"{path} cannot be written: {error.strerror}", hint="nothing else was changed") from None

    def _decrypted(self, name: str, identity: str) -> bytes:
        path = self.path / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise BuilderError(f"{path} cannot be read: {error.strerror}", hint=_HINT_COPY) from None
        return decrypt(data, identity, where=str(path))


def make_directory(path: Path) -> ClusterDirectory:
    """The skeleton of a cluster's directory at `path`, which must not be there."""
    path.mkdir(mode=DIRECTORY_MODE, parents=False)
    path.chmod(DIRECTORY_MODE)
    (path / "nodes").mkdir(mode=DIRECTORY_MODE)
    atomic_write(path / ".gitignore", _IGNORE, mode=FILE_MODE)
    return ClusterDirectory(path=path)


def find_cluster(clusters: Path, name: str) -> ClusterDirectory:
    """The directory of the cluster `name` in `clusters`."""
    known = cluster_names(clusters)
    if name not in known:
        hint = "'builder cluster init NAME --endpoint HOST' makes one"
        raise RecipeError(f"there is no cluster {name!r} in {clusters}{suggestion(name, 'there', known)}", hint=hint)
    return ClusterDirectory(path=clusters / name)


def cluster_names(clusters: Path) -> list[str]:
    """The clusters that there are, by name."""
    try:
        # One that is being made, or was cut off, has a name that no cluster can have.
        entries = [entry for entry in os.scandir(clusters) if re.fullmatch(LABEL, entry.name)]
        return sorted(entry.name for entry in entries if Path(entry.path, _RECORD).is_file())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BuilderError(f"{clusters} cannot be read: {error.strerror}") from None


def _keys_name(generation: int | str) -> str:
    return f"keys-{generation}.age"
