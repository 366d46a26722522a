"""The files of one node: node.yaml, and what lets it join."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from builder.app.provision.node_text import CONFIG_FILE, CREDENTIAL_FILE, KEYS_FILE, NODE_FILE, NodeTexts
from builder.core.errors import BuilderError, RecipeError
from builder.fleet.authorities import ENROLMENT
from builder.fleet.controller_files import controller_archive
from builder.fleet.credential import make_enrolment
from builder.fleet.directory import ClusterDirectory
from builder.fleet.record import NodeRecord, Record
from builder.fleet.secret_keys import Keys
from builder.trust.certificates import Pair

# What a device says there of itself is of the node that it was.
STATUS_FILE = "status.txt"
OWN_FILES = (NODE_FILE, CREDENTIAL_FILE, KEYS_FILE, CONFIG_FILE, STATUS_FILE)


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
        texts = NodeTexts(directory=self.directory, record=self.record)
        text = texts.of_node(name)
        if node.role.controls:
            kedge = self._config()
            archive = controller_archive(self.record, self.keys, kedge, fleet=texts.fleet_list(), now=self.now)
            return {NODE_FILE: text, KEYS_FILE: archive, CONFIG_FILE: kedge}, node
        by = Pair.parse(self.record.certificates.roots[ENROLMENT], self.keys.enrolment, where=ENROLMENT)
        made = make_enrolment(name, by=by, now=self.now)
        changed = node.model_copy(update={"credentials": (*node.credentials, made.record)})
        return {NODE_FILE: text, CREDENTIAL_FILE: made.pem.encode()}, changed

    def _config(self) -> bytes:
        try:
            return self.directory.config.read_bytes()
        except OSError as error:
            raise BuilderError(f"{self.directory.config} cannot be read: {error.strerror}") from None
