"""All audits of a root file system, one after the other; what they find is told at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from builder.audit.rootfs.finding import RootFinding, require_fit
from builder.audit.rootfs.identity import Foreign, audit_identity
from builder.audit.rootfs.kernel import KernelNeed, audit_kernels
from builder.audit.rootfs.programs import audit_programs
from builder.audit.rootfs.units import audit_units, verify_units
from builder.rootfs.customize.model import Customization
from builder.rootfs.effects.base import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class RootAudit:
    """Judges root file systems: `wanted` was laid over the packages, `needs` are the kernel's, `foreign` is this machine's."""

    wanted: Customization
    needs: Sequence[KernelNeed]
    foreign: Foreign

    def findings(self, image: Image) -> list[RootFinding]:
        """Everything that is wrong with `image`."""
        tree = image.tree
        people = frozenset(one.name for one in self.wanted.accounts)
        return [
            *audit_identity(tree, people, self.foreign),
            *audit_programs(tree, image.arch),
            *audit_units(tree, frozenset(self.wanted.units)),
            *verify_units(tree, image.bench),
            *audit_kernels(tree, self.needs),
        ]

    def require(self, image: Image) -> None:
        """Raise `VerificationError` with all that is wrong with `image`."""
        require_fit(self.findings(image))
