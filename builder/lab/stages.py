"""How far a machine has come since it was turned on: by what its console says, and by what the cluster says of its node."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from builder.vm.console import plain_text

# A pattern's words may arrive in two pieces.
_KEPT_CHARACTERS = 4096


class Stage(StrEnum):
    """What was reached, in this order."""

    FIRMWARE = "firmware"
    KERNEL = "kernel"
    USERSPACE = "userspace"
    FIRST_BOOT = "first-boot"
    JOINED = "joined"
    READY = "ready"


# What is said when a stage has begun. Images are told to be quiet, so kernels say little, and that late.
_SAID: Mapping[Stage, str] = {
    Stage.FIRMWARE: r"\S",
    Stage.KERNEL: r"Starting slot|Linux version|Starting kernel|EFI stub:|\[ *\d+\.\d+\]",
    Stage.USERSPACE: r"systemd[a-z-]*\[\d+\]:|Welcome to |\S+ login: ",
    Stage.FIRST_BOOT: r"stage: +(?:starting|joined|stopped)",
    Stage.JOINED: r"stage: +joined",
}
# What a kernel or a system says when nothing more is to be expected; half a line is not told.
TROUBLE = re.compile(r"(?:Kernel panic - not syncing|stage: +stopped|this slot cannot be started)[^\n]*(?=\n)")
ORDER = tuple(Stage)


@dataclass(slots=True)
class Boot:
    """A machine since it was turned on at `began_s`, in seconds of the lab; `stages` says when each was reached.

    `trouble` is what the console said that nobody recovers from; `node_boot` is what the node calls this start, once it is known.
    """

    machine: str
    number: int
    began_s: float
    stages: dict[Stage, float] = field(default_factory=dict)
    trouble: str = ""
    node_boot: str = ""
    ended_s: float | None = None
    _said: str = ""

    def hear(self, data: bytes, now_s: float) -> bool:
        """Take in what the console says; whether a stage was reached, or trouble."""
        self._said = (self._said + plain_text(data))[-_KEPT_CHARACTERS:]
        before = len(self.stages), self.trouble
        for stage, pattern in _SAID.items():
            if stage not in self.stages and re.search(pattern, self._said):
                self.reach(stage, now_s)
        if found := TROUBLE.search(self._said):
            self.trouble = self.trouble or found[0].strip()
        return before != (len(self.stages), self.trouble)

    def reach(self, stage: Stage, now_s: float) -> None:
        """Note that `stage` was reached, and with it all before it that nothing was heard of."""
        for earlier in ORDER[: ORDER.index(stage) + 1]:
            self.stages.setdefault(earlier, now_s)

    @property
    def stage(self) -> Stage | None:
        """The last stage that was reached."""
        return max(self.stages, key=ORDER.index, default=None)
