"""`builder provision`: a node's files onto a card or an image, or all nodes' files into a directory each."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from builder.app.clusters.fleet import require_fleet
from builder.app.clusters.nodes import require_nodes
from builder.app.clusters.unlock import Unlocking
from builder.app.provision.card import opened_card
from builder.app.provision.compose import OWN_FILES, Composer
from builder.app.provision.node_text import CREDENTIAL_FILE, NODE_FILE, NodeTexts
from builder.core.errors import BuilderError, RecipeError
from builder.fleet.directory import DIRECTORY_MODE, FILE_MODE, ClusterDirectory
from builder.fleet.node.read import read_node
from builder.fleet.record import NodeRecord, Record
from builder.formats.yaml_tree import Source
from builder.io.files import remove_tree, sync_directory, write_all
from builder.io.locks import locked_directory
from builder.trust.certificates import Pair

# The directory of a node whose files are not all there; no node has such a name.
_FRESH = ".node.new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioner:
    """Provisions nodes of the cluster in `directory`."""

    directory: ClusterDirectory
    unlocking: Unlocking
    now: datetime

    def one(self, card: Path, name: str) -> None:
        """Write the files of the node `name` to `card`. Its credential is known before it is written anywhere."""
        with opened_card(card) as target, self.directory.changing() as record:
            require_nodes(record, [name])
            files, node = self._composer(record).compose(name)
            target.check(files, self.now)
            self.directory.write(record.with_node(name, node))
            target.write(files, self.now)

    def fleet(self, card: Path) -> None:
        """Write to `card` what any device may have: no name, no credential, and nothing that is secret."""
        record = self.directory.read()
        require_fleet(record)
        texts = NodeTexts(directory=self.directory, record=record)
        with opened_card(card) as target:
            target.write({NODE_FILE: texts.of_fleet()}, self.now)

    def all(self, card: Path, out: Path) -> Sequence[str]:
        """Write the files of all nodes, for an image like `card`, to a directory each in `out`; returns their names."""
        with opened_card(card) as target, self.directory.changing() as record:
            names = sorted(name for name, node in record.nodes.items() if not node.revoked)
            _check_out(record, out, names)
            composer, check = self._composer(record), target.checker(self.now)
            composed = _composed(composer, names)
            for files, _ in composed.values():
                check(files)
            changed = {**record.nodes, **{name: node for name, (_, node) in composed.items()}}
            self.directory.write(record.model_copy(update={"nodes": changed}))
            _write_overlays(out, {name: files for name, (files, _) in composed.items()})
        return names

    def _composer(self, record: Record) -> Composer:
        keys = self.directory.read_keys(record, self.unlocking.identity(self.directory, record))
        return Composer(directory=self.directory, record=record, keys=keys, now=self.now)


def apply_overlay(card: Path, overlay: Path, now: datetime) -> str:
    """Write the files in the directory `overlay`, which `all` made, to `card`; returns the node's name. No key is needed."""
    files = _read_overlay(overlay)
    with opened_card(card) as target:
        target.write(files, now)
    return overlay.name


def _composed(composer: Composer, names: Sequence[str]) -> dict[str, tuple[Mapping[str, bytes], NodeRecord]]:
    """The files of all nodes; what is wrong with any of them is told at once."""
    composed, problems = {}, []
    for name in names:
        try:
            composed[name] = composer.compose(name)
        except RecipeError as error:
            problems += list(error.details or [error.brief])
    if problems:
        raise RecipeError(
            "no node was provisioned", details=problems, hint="every key is explained in docs/reference/node.md"
        )
    return composed


def _check_out(record: Record, out: Path, names: Sequence[str]) -> None:
    if not names:
        raise RecipeError(f"{record.name} has no nodes", hint=f"builder cluster add-node {record.name} NODE...")
    there = [str(out / name) for name in names if (out / name).exists()]
    if there:
        raise RecipeError("these are there already", details=there, hint="name another directory, or remove them")


def _write_overlays(out: Path, overlays: Mapping[str, Mapping[str, bytes]]) -> None:
    """Write each node's directory whole or not at all. What a builder that was killed has left is removed."""
    try:
        out.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        with locked_directory(out):
            try:
                for node, files in overlays.items():
                    _write_overlay(out / _FRESH, out / node, files)
                sync_directory(out)
            finally:
                remove_tree(out / _FRESH)
    except OSError as error:
        raise BuilderError(
            f"{out} cannot be written: {error.strerror}", hint="what is there is whole; the rest is missing"
        ) from None


def _write_overlay(fresh: Path, final: Path, files: Mapping[str, bytes]) -> None:
    remove_tree(fresh)
    fresh.mkdir(mode=DIRECTORY_MODE)
    for name, data in files.items():
        _write(fresh / name, data)
    sync_directory(fresh)
    fresh.rename(final)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_overlay(overlay: Path) -> dict[str, bytes]:
    try:
        found = {path.name: path.read_bytes() for path in overlay.iterdir() if path.name in OWN_FILES}
    except OSError as error:
        raise RecipeError(f"{overlay} cannot be read: {error.strerror}") from None
    if NODE_FILE not in found:
        raise RecipeError(
            f"{overlay} has no {NODE_FILE}", hint="'builder provision IMAGE --all --out DIR' makes such directories"
        )
    config = read_node(found[NODE_FILE], Source(name=str(overlay / NODE_FILE), base=overlay))
    missing = [name for name in (config.credential, config.config) if name and name not in found]
    if missing:
        raise RecipeError(f"{overlay} is not whole: {', '.join(missing)} is missing", hint="make it again")
    if CREDENTIAL_FILE in found:
        check_credential(found[CREDENTIAL_FILE], str(overlay / CREDENTIAL_FILE))
    return found


def check_credential(data: bytes, where: str) -> None:
    """Raise where `data` is no certificate with its key."""
    blocks = re.findall(
        r"-----BEGIN [A-Z ]+-----\n.*?-----END [A-Z ]+-----\n", data.decode("ascii", "replace"), re.DOTALL
    )
    try:
        certificate, key = blocks
    except ValueError:
        raise BuilderError(f"{where} is cut off: it must be a certificate and its key", hint="make it again") from None
    Pair.parse(certificate, key, where=where)
