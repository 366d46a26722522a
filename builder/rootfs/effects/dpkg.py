"""Effects on dpkg's own records."""

from typing import ClassVar

from builder.rootfs.effects.base import ROOT, Effect, Image, Phase
from builder.rootfs.effects.files import Mode


class StatOverride(Effect):
    """`dpkg-statoverride --add --update`: other permissions or owners, which dpkg keeps at upgrades."""

    phase: ClassVar[Phase] = Phase.SETTINGS

    path: str
    mode: Mode
    owner: str = ROOT
    group: str = ROOT

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        uid, gid = image.accounts.ids(self.owner, self.group)
        if image.tree.exists(self.path):
            image.tree.change(self.path, mode=self.mode, uid=uid, gid=gid)
        image.note("statoverride", self.owner, self.group, f"{self.mode:o}", f"/{self.path.strip('/')}")
