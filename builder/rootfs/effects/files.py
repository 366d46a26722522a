"""Effects on single files, directories and links."""

import fnmatch
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from builder.core.errors import BuilderError
from builder.rootfs.effects.base import ROOT, Effect, Image, Phase


def _octal(value: object) -> object:
    return int(value, 8) if isinstance(value, str) else value


Mode = Annotated[int, BeforeValidator(_octal), Field(ge=0, le=0o7777)]


class Owned(Effect):
    """What has a path, a mode and owners by name."""

    path: str
    mode: Mode = 0o644
    owner: str = ROOT
    group: str = ROOT


class Write(Owned):
    """A file with this text; one that is there stays, unless `over` is set."""

    text: str = ""
    over: bool = False

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        if self.over or not image.tree.get(self.path):
            uid, gid = image.accounts.ids(self.owner, self.group)
            image.tree.write(self.path, self.text, mode=self.mode, uid=uid, gid=gid)


class Copy(Owned):
    """A copy of the file `source` of the image; one that is there stays."""

    source: str

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        if not image.tree.get(self.path):
            uid, gid = image.accounts.ids(self.owner, self.group)
            image.tree.write(self.path, image.tree.read(self.source), mode=self.mode, uid=uid, gid=gid)


class Directory(Owned):
    """A directory; of one that is there, mode and owners change only with `over`."""

    mode: Mode = 0o755
    over: bool = False

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        uid, gid = image.accounts.ids(self.owner, self.group)
        image.tree.make_directory(self.path, mode=self.mode, uid=uid, gid=gid)
        if self.over:
            image.tree.change(self.path, mode=self.mode, uid=uid, gid=gid)


class Symlink(Effect):
    """A symbolic link; what is there stays, unless `over` is set."""

    path: str
    target: str
    over: bool = False

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        if self.over or not image.tree.get(self.path):
            image.tree.link(self.path, self.target)


class Remove(Effect):
    """A name that goes away, with all below it."""

    path: str

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        image.tree.remove(self.path)


class Change(Effect):
    """Other permissions or owners for what is there."""

    path: str
    mode: Mode
    owner: str = ROOT
    group: str = ROOT

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        uid, gid = image.accounts.ids(self.owner, self.group)
        if image.tree.exists(self.path):
            image.tree.change(self.path, mode=self.mode, uid=uid, gid=gid)


class StatOverride(Change):
    """The same, and dpkg keeps it at upgrades (dpkg-statoverride --add --update)."""

    phase: ClassVar[Phase] = Phase.SETTINGS

    def apply(self, image: Image, package: str) -> None:
        """See `Effect`."""
        super().apply(image, package)
        image.note("statoverride", self.owner, self.group, f"{self.mode:o}", f"/{self.path.strip('/')}")


class Divert(Effect):
    """A file of other packages that moves out of the way when they are unpacked (dpkg-divert)."""

    phase: ClassVar[Phase] = Phase.DIVERSIONS

    path: str
    to: str

    def apply(self, image: Image, package: str) -> None:
        """See `Effect`; the moving itself happens when packages are merged."""
        image.note("diversions", self.path, self.to, package)


class Absent(Effect):
    """Files that the script would work on, and that are not there: one that matches `pattern` stops the build, for `why`.

    In `pattern`, `*` stands for anything.
    """

    pattern: str
    why: str

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        for path in fnmatch.filter(image.tree.nodes, self.pattern.strip("/")):
            raise BuilderError(f"/{path} is there, and {self.why}; rootfs.engine: mmdebstrap runs the script")


class Nothing(Effect):
    """What changes nothing of the file system on a first installation; `why` says what the script is there for."""

    why: str

    def apply(self, image: Image, package: str) -> None:
        """See `Effect`."""
