"""From unpacked packages to a root file system: merged, with the effects of their scripts, and dpkg's record of it all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import BuilderError
from builder.rootfs.accounts import Accounts
from builder.rootfs.content import PackageContent, open_package
from builder.rootfs.dpkg import write_database
from builder.rootfs.effects.alternatives import WriteAlternatives
from builder.rootfs.effects.base import Effect, Image, Phase
from builder.rootfs.knowledge.match import find_effects
from builder.rootfs.knowledge.model import Knowledge
from builder.rootfs.merge import Merge
from builder.rootfs.native.bench import Bench
from builder.rootfs.tree import Tree

# Mount points that no package brings, and no script makes either.
_MOUNT_POINTS = ("dev", "proc", "sys", "run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """Puts packages together for `arch` with what is `knowledge` of their scripts.

    `epoch_s` (seconds since 1970) is the date of everything made on the way. `modules` are the indexes of kernels' modules by
    path; `hwdb` is a directory with the database of the package udev (`native.hwdb.prepare_hwdb`); `bench` runs the programs
    that compile what packages bring as text.
    """

    arch: Arch
    knowledge: Knowledge
    epoch_s: int
    bench: Bench
    modules: Mapping[str, bytes] = field(default_factory=dict)
    hwdb: Path | None = None

    @contextmanager
    def run(self, directories: Sequence[Path]) -> Iterator[Image]:
        """The root file system of the unpacked packages in `directories`; its contents can be read while the block runs.

        `BuilderError` for packages of other architectures, two of a name, files that two claim, scripts that are not known.
        """
        with ExitStack() as stack:
            opened = [stack.enter_context(open_package(directory)) for directory in directories]
            image = self._empty(_by_name(opened, self.arch))
            effects = find_effects(image.packages.values(), self.knowledge)
            self._merge(image, effects)
            self._replay(image, effects)
            write_database(image)
            yield image

    def _empty(self, packages: Mapping[str, PackageContent]) -> Image:
        ids = self.knowledge.ids
        return Image(
            tree=Tree(),
            arch=self.arch,
            packages=packages,
            accounts=Accounts(fixed_users=ids.users, fixed_groups=ids.groups),
            epoch_s=self.epoch_s,
            modules=self.modules,
            bench=self.bench,
            hwdb=self.hwdb,
        )

    def _merge(self, image: Image, effects: Sequence[tuple[str, Effect]]) -> None:
        diverting = [pair for pair in effects if pair[1].phase is Phase.DIVERSIONS]
        _apply(image, diverting)
        diversions = {path.strip("/"): (to.strip("/"), by) for path, to, by in image.notes.get("diversions", [])}
        Merge(tree=image.tree, packages=image.packages, diversions=diversions).run(image.architecture)
        for name in _MOUNT_POINTS:
            image.tree.make_directory(name)

    def _replay(self, image: Image, effects: Sequence[tuple[str, Effect]]) -> None:
        for phase in (Phase.UNPACK, Phase.ACCOUNTS):
            _apply(image, [pair for pair in effects if pair[1].phase is phase])
        image.accounts.write(image.tree, epoch_s=self.epoch_s)
        for phase in (Phase.FILES, Phase.SETTINGS, Phase.DATABASES):
            _apply(image, [pair for pair in effects if pair[1].phase is phase])
            if phase is Phase.SETTINGS:
                WriteAlternatives().apply(image, "")


def _apply(image: Image, effects: Sequence[tuple[str, Effect]]) -> None:
    """Replay `effects` in their order; all that fail are told together."""
    problems = []
    for package, effect in effects:
        image.tree.writer = package
        try:
            effect.apply(image, package)
        except BuilderError as error:
            problems.append(f"{package}: {type(effect).__name__}: {error.brief}")
    image.tree.writer = ""
    if problems:
        raise BuilderError(
            "what is known of maintainer scripts does not fit the packages",
            details=problems,
            hint="correct their entries in recipes/debian/packages/",
        )


def _by_name(opened: Sequence[PackageContent], arch: Arch) -> Mapping[str, PackageContent]:
    """The packages by name, sorted; what cannot stand in one root file system is told at once."""
    wanted = ARCH_FACTS[arch].debian
    problems = [
        f"{one.name} {one.version} is for {one.architecture}"
        for one in opened
        if one.architecture not in (wanted, "all")
    ]
    packages: dict[str, PackageContent] = {}
    for one in sorted(opened, key=lambda package: package.name):
        if one.name in packages:
            problems.append(f"{one.name} comes twice: {packages[one.name].version} and {one.version}")
        packages[one.name] = one
    if problems:
        raise BuilderError(f"these packages make no root file system for {wanted}", details=problems)
    return packages
