"""The files of one node: what its operator wrote, and what the cluster adds."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from builder.app.clusters.settings import served_names
from builder.core.errors import BuilderError, RecipeError
from builder.fleet.authorities import API, ENROLMENT
from builder.fleet.controller_files import controller_archive
from builder.fleet.credential import make_enrolment
from builder.fleet.directory import ClusterDirectory
from builder.fleet.endpoints import Endpoint
from builder.fleet.node.model import NodeConfig
from builder.fleet.node.read import place_of, read_node
from builder.fleet.record import NodeRecord, Record
from builder.fleet.role import Role
from builder.fleet.secret_keys import Keys
from builder.formats.yaml_source import parse_document
from builder.formats.yaml_tree import MapNode, Problem, ScalarNode, Source
from builder.trust.certificates import Pair

NODE_FILE, CREDENTIAL_FILE, KEYS_FILE, CONFIG_FILE = "node.yaml", "credential.pem", "controller.tar", "kedge.yaml"
OWN_FILES = (NODE_FILE, CREDENTIAL_FILE, KEYS_FILE, CONFIG_FILE)
# What `builder provision` alone may say.
_ADDED = ("cluster", "credential", "config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Composes the files of the nodes of the cluster in `directory`."""

    directory: ClusterDirectory
    record: Record
    keys: Keys
    now: datetime

    def compose(self, name: str) -> tuple[Mapping[str, bytes], NodeRecord]:
        """The files of the node `name`, and its record with the credential that is among them."""
        node = self.record.nodes[name]
        if node.revoked:
            raise RecipeError(
                f"{name} was revoked on {node.revoked:%Y-%m-%d}",
                hint=f"'builder cluster add-node {self.record.name} {name}' takes it back",
            )
        text = self.node_file(name)
        if node.role.controls:
            kedge = self._config()
            archive = controller_archive(self.record, self.keys, kedge, now=self.now)
            return {NODE_FILE: text, KEYS_FILE: archive, CONFIG_FILE: kedge}, node
        by = Pair.parse(self.record.certificates.roots[ENROLMENT], self.keys.enrolment, where=ENROLMENT)
        made = make_enrolment(name, by=by, now=self.now)
        changed = node.model_copy(update={"credentials": (*node.credentials, made.record)})
        return {NODE_FILE: text, CREDENTIAL_FILE: made.pem.encode()}, changed

    def node_file(self, name: str) -> bytes:
        """node.yaml: the operator's lines as they are, and those that the cluster adds behind them."""
        path = self.directory.node(name)
        source = Source(name=str(path), base=path.parent)
        try:
            text = path.read_bytes()
        except OSError as error:
            raise RecipeError(f"{path} cannot be read: {error.strerror}") from None
        own = parse_document(text, source).root
        if not isinstance(own, MapNode):
            read_node(text, source)  # which says why not
            raise RecipeError(f"{path} is no mapping")
        _raise(path, _refused(own, text, self.record.nodes[name].role))
        text = text.rstrip(b"\n") + b"\n" + self._added(name, own).encode()
        _raise(path, self._meaning(name, read_node(text, source), own))
        return text

    def _added(self, name: str, own: MapNode) -> str:
        authority = textwrap.indent(self.record.certificates.roots[API], "    ")
        controls = self.record.nodes[name].role.controls
        lines = ["# From here on: the cluster's."]
        if not controls and not {"endpoints", "discovery"} & own.entries.keys():
            lines.append(f"endpoints: {json.dumps(self.record.endpoints)}")
        lines.append(f"credential: {KEYS_FILE if controls else CREDENTIAL_FILE}")
        lines += [f"config: {CONFIG_FILE}"] if controls else []
        return "\n".join([*lines, f'cluster:\n  name: "{self.record.name}"\n  authority: |\n{authority}'])

    def _meaning(self, name: str, config: NodeConfig, own: MapNode) -> list[Problem]:
        problems = []
        if config.name != name:
            problems.append(
                Problem(place=place_of(own, ("name",)), message=f"name: must be {name}, as the file is called")
            )
        if "endpoints" in own.entries:
            known = served_names(self.directory)
            problems += [
                Problem(
                    place=place_of(own, ("endpoints", index)),
                    message=f"endpoints[{index}]: no certificate of a controller covers {host}; they have {', '.join(known)}"
                    f" (spec.api.externalAddress and sans in {self.directory.config})",
                )
                for index, text in enumerate(config.endpoints)
                if (host := Endpoint.parse(text).host) not in known
            ]
        return problems

    def _config(self) -> bytes:
        try:
            return self.directory.config.read_bytes()
        except OSError as error:
            raise BuilderError(f"{self.directory.config} cannot be read: {error.strerror}") from None


def _raise(path: Path, problems: Sequence[Problem]) -> None:
    if problems:
        raise RecipeError(f"{path} cannot be used", details=[str(problem) for problem in problems])


def _refused(own: MapNode, text: bytes, role: Role) -> list[Problem]:
    """What stands in the way of adding lines."""
    problems = [
        Problem(place=own.entries[key].key_place, message=f"{key}: is added when the node is provisioned; remove it")
        for key in _ADDED
        if key in own.entries
    ]
    if text.splitlines()[own.place.line - 1].lstrip().startswith(b"{"):
        problems.append(Problem(place=own.place, message="write 'key: value' in lines; more lines are added to these"))
    written = own.entries.get("role")
    if written and isinstance(written.value, ScalarNode) and written.value.text in set(Role) - {role}:
        message = f"role: {written.value.text}, but the node was added as a {role}"
        problems.append(Problem(place=written.value.place, message=message))
    return problems
