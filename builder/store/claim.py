"""Making an entry: one builder at a time per key, complete or absent."""

import os
import secrets
import time
from collections.abc import Callable

from builder.core.digest import Digest
from builder.io.files import remove_tree, sync_directory
from builder.io.space import explain_full_disk
from builder.store.durable import make_durable
from builder.store.entry import Entry
from builder.store.index import Index
from builder.store.layout import Layout
from builder.store.record import EntryFile, Made
from builder.store.tree import seal


class Claim:
    """The sole right to make `key`, while the lock is held.

    `entry` is set when it exists already; otherwise a step fills `output`, may use `scratch`, and `commit` makes the
    entry of it.
    """

    def __init__(self, layout: Layout, index: Index, key: Digest, entry: Entry | None) -> None:
        self._layout = layout
        self._index = index
        self._place = layout.work / f"{key.hex}.{secrets.token_hex(4)}"
        self._keeps = False
        self.key = key
        self.entry = entry
        self.output = self._place / "entry" / "output"
        self.scratch = self._place / "scratch"
        if entry is None:
            with explain_full_disk(layout.root, what="a step was prepared"):
                self.output.mkdir(parents=True)
                self.scratch.mkdir()

    def commit(self, made: Made, *, created_s: float | None = None, check: Callable[[], None] = lambda: None) -> Entry:
        """Make the entry from what is in `output`.

        `check` is called now and then and may raise to end the work. `BuilderError` when the disk is full or when the
        output holds something that cannot be kept; nothing is left in the store then.
        """
        with explain_full_disk(self._layout.root, what=f"the result of {made.step} was stored"):
            nodes = seal(self.output, check=check)
            file = EntryFile(
                key=self.key, made=made, created_s=time.time() if created_s is None else created_s, nodes=nodes
            )
            record = self.output.parent / "entry.json"
            record.write_bytes(file.to_bytes())
            record.chmod(0o444)
            make_durable(self.output.parent, len(nodes))
            target = self._layout.entry(self.key)
            target.parent.mkdir(exist_ok=True)
            check()
            os.rename(self.output.parent, target)  # noqa: PTH104 - Path.rename says no more
            sync_directory(target.parent)
        self.entry = Entry(key=self.key, output=self._layout.output(self.key), file=file)
        self._index.add([file.record()])
        return self.entry

    def keep(self) -> None:
        """Leave the unfinished work where it is, so that a failed command can be run again by hand.

        The next claim of the key removes it, and so does garbage collection.
        """
        self._keeps = True

    def clean(self) -> None:
        """Remove what is left of the work."""
        if not self._keeps:
            remove_tree(self._place)
