"""Root file systems made by mmdebstrap, which runs the packages' scripts.

It serves twice: as the fallback for packages whose scripts are not known here, and as the oracle that what is made without
running anything is compared with. mmdebstrap, apt and dpkg come out of a tree of tools; the packages are exactly those that
are given, out of a repository of their own; there is no network. Programs of other architectures run under qemu-user.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import MissingToolError
from builder.io.enclosure import Mount
from builder.io.spawn import Runner
from builder.rootfs.flat_repository import write_repository
from builder.rootfs.tools_root import foreign, make_tools_root

_PROGRAM = "usr/bin/mmdebstrap"
_HOOKS = "/usr/share/mmdebstrap/hooks"
# What scripts make that no two devices may share, and the repository, which none of them has.
_FORGET = 'rm -f "$1"/etc/ssh/ssh_host_*_key "$1"/etc/ssh/ssh_host_*_key.pub "$1"/etc/apt/sources.list'
# Where the packages and the result are inside.
_REPOSITORY, _RESULT = "repository", "result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """A root file system for `arch` of `debs`: these and no others, what they depend on included.

    `epoch_s` is SOURCE_DATE_EPOCH: no file is younger, and dates that scripts write are this one. What comes out is for
    devices unless it is `verbatim`: just as mmdebstrap leaves it, with host keys for SSH, an initrd, device nodes, and a list
    of sources.
    """

    debs: Sequence[Path]
    arch: Arch
    epoch_s: int
    verbatim: bool = False

    def run(self, tools: Path, target: Path, *, scratch: Path, runner: Runner) -> None:
        """Write the root file system as a tar archive to `target`, using `tools`; `scratch` is a directory to work in.

        It is put together in memory: about three times the size of the packages' files.
        """
        if not (tools / _PROGRAM).exists():
            raise MissingToolError(
                "the tools have no mmdebstrap",
                details=[f"missing: {tools / _PROGRAM}"],
                hint="the set of tools needs the packages mmdebstrap, apt and mount, and those that are essential",
            )
        root, result = scratch / "root", scratch / _RESULT
        result.mkdir()
        enclosure = make_tools_root(tools, root, [Mount.of(result, _RESULT)], emulated=foreign(self.arch))
        packages = write_repository(self.debs, root / _REPOSITORY)
        enclosure.run(runner, self._argv(packages), self._environment())
        (result / "rootfs.tar").rename(target)

    def _environment(self) -> dict[str, str]:
        # No initrd, whose hooks take half of all the time under emulation: what boots devices is not made here.
        initrd = {} if self.verbatim else {"INITRD": "No"}
        return {"SOURCE_DATE_EPOCH": str(self.epoch_s), "TMPDIR": "/tmp", **initrd}  # noqa: S108 - a mount of its own

    def _argv(self, packages: Mapping[str, str]) -> list[str]:
        return [
            f"/{_PROGRAM}",
            "--mode=root",
            f"--architectures={ARCH_FACTS[self.arch].debian}",
            # All that is essential comes first, then the rest in one go of apt, as in every other variant.
            "--variant=essential",
            f"--include={','.join(sorted(packages))}",
            # Links at the root for Debian 12, whose packages do not bring them.
            f"--hook-dir={_HOOKS}/maybe-merged-usr",
            # It would look for arch-test; whether programs can be started is known here.
            "--skip=check/qemu",
            "--format=tar",
            *([] if self.verbatim else ["--skip=output/dev", f"--customize-hook={_FORGET}"]),
            "",
            f"/{_RESULT}/rootfs.tar",
            f"deb [trusted=yes] copy:/{_REPOSITORY} ./",
        ]
