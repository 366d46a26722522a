"""node.yaml of a card: its operator's lines as they are, and those that the cluster adds behind them."""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.app.clusters.settings import served_names
from builder.core.errors import RecipeError
from builder.fleet.authorities import API
from builder.fleet.device_list import fleet_list, listed_nodes
from builder.fleet.directory import ClusterDirectory
from builder.fleet.endpoints import Endpoint
from builder.fleet.node.judge import ZONE_LABEL
from builder.fleet.node.model import NodeConfig
from builder.fleet.node.read import place_of, read_node
from builder.fleet.record import Record
from builder.fleet.role import Role
from builder.formats.yaml_source import parse_document
from builder.formats.yaml_tree import MapNode, Problem, ScalarNode, Source

NODE_FILE, CREDENTIAL_FILE, KEYS_FILE, CONFIG_FILE = "node.yaml", "credential.pem", "controller.tar", "kedge.yaml"
# What `builder provision` alone may say.
_ADDED = ("cluster", "credential", "config")
_FLEET = b"format: 1\nrole: worker\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTexts:
    """The files of the cluster in `directory`; none of them has a secret."""

    directory: ClusterDirectory
    record: Record

    def of_node(self, name: str) -> bytes:
        """The file of the node `name`."""
        path, role = self.directory.node(name), self.record.nodes[name].role
        try:
            text = path.read_bytes()
        except OSError as error:
            raise RecipeError(f"{path} cannot be read: {error.strerror}") from None
        own = _own_keys(path, text)
        _raise(path, [*_refused(own, text, _ADDED), *_other_role(own, role)])
        added = [f"credential: {KEYS_FILE if role.controls else CREDENTIAL_FILE}"]
        added += [f"config: {CONFIG_FILE}"] if role.controls else []
        text, config = self._finished(path, text, own, added)
        if config.name != name:
            message = f"name: must be {name}, as the file is called"
            _raise(path, [Problem(place=place_of(own, ("name",)), message=message)])
        return text

    def of_fleet(self) -> bytes:
        """The file for every device that has neither a name nor a credential, and asks to be approved."""
        path = self.directory.fleet
        text = path.read_bytes() if path.exists() else _FLEET
        own = _own_keys(path, text)
        _raise(path, [*_refused(own, text, (*_ADDED, "name")), *_other_role(own, Role.WORKER)])
        return self._finished(path, text, own, [])[0]

    def fleet_list(self) -> bytes:
        """Which devices may ask without a credential, as controllers are told."""
        return fleet_list(self.record, {name: self._labels(name) for name in listed_nodes(self.record)})

    def _labels(self, name: str) -> Mapping[str, str]:
        config = read_node(self.of_node(name), Source(name=str(self.directory.node(name)), base=self.directory.path))
        return {**config.labels, **({ZONE_LABEL: config.site} if config.site else {})}

    def _finished(self, path: Path, text: bytes, own: MapNode, added: Sequence[str]) -> tuple[bytes, NodeConfig]:
        role = own.entries.get("role")
        works = role is not None and isinstance(role.value, ScalarNode) and role.value.text == Role.WORKER
        lines = ["# From here on: the cluster's."]
        if works and not {"endpoints", "discovery"} & own.entries.keys():
            lines.append(f"endpoints: {json.dumps(self.record.endpoints)}")
        authority = textwrap.indent(self.record.certificates.roots[API], "    ")
        lines += [*added, f'cluster:\n  name: "{self.record.name}"']
        if self.record.upgrades:
            lines.append(f"  upgrades: {json.dumps(self.record.upgrades)}")
        lines.append(f"  authority: |\n{authority}")
        whole = text.rstrip(b"\n") + b"\n" + "\n".join(lines).encode()
        config = read_node(whole, Source(name=str(path), base=path.parent))
        if "endpoints" in own.entries:
            _raise(path, list(self._uncovered(config, own)))
        return whole, config

    def _uncovered(self, config: NodeConfig, own: MapNode) -> Iterator[Problem]:
        known = served_names(self.directory)
        for index, text in enumerate(config.endpoints):
            host = Endpoint.parse(text).host
            if host not in known:
                yield Problem(
                    place=place_of(own, ("endpoints", index)),
                    message=f"endpoints[{index}]: no certificate of a controller covers {host}; they have {', '.join(known)}"
                    f" (spec.api.externalAddress and sans in {self.directory.config})",
                )


def _own_keys(path: Path, text: bytes) -> MapNode:
    source = Source(name=str(path), base=path.parent)
    root = parse_document(text, source).root
    if not isinstance(root, MapNode):
        read_node(text, source)  # which says why not
        raise RecipeError(f"{path} is no mapping")
    return root


def _refused(own: MapNode, text: bytes, keys: Sequence[str]) -> Iterator[Problem]:
    """What stands in the way of adding lines."""
    for key in keys:
        if key in own.entries:
            why = "a card for a fleet has none" if key == "name" else "is added when the card is provisioned"
            yield Problem(place=own.entries[key].key_place, message=f"{key}: {why}; remove it")
    if text.splitlines()[own.place.line - 1].lstrip().startswith(b"{"):
        yield Problem(place=own.place, message="write 'key: value' in lines; more lines are added to these")


def _other_role(own: MapNode, role: Role) -> Iterator[Problem]:
    written = own.entries.get("role")
    if written and isinstance(written.value, ScalarNode) and written.value.text in set(Role) - {role}:
        yield Problem(place=written.value.place, message=f"role: {written.value.text}, but this is a {role}")


def _raise(path: Path, problems: Sequence[Problem]) -> None:
    if problems:
        raise RecipeError(f"{path} cannot be used", details=[str(problem) for problem in problems])
