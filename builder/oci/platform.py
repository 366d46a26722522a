"""What OCI calls an architecture (image-spec, config.md and image-index.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from builder.core.arch import ARCH_FACTS, Arch

_OS = "linux"
# The variants that images of these architectures name: GOARM for arm, v8 for arm64.
_VARIANTS = {Arch.ARMV7: "v7", Arch.ARM64: "v8", Arch.AMD64: ""}
# What a missing variant means (containerd, platforms/database.go).
_DEFAULT_VARIANTS = {"arm": "v7", "arm64": "v8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Operating system, architecture and variant by OCI's names; `variant` is empty where there is none."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def of(cls, arch: Arch) -> Self:
        """The platform of devices of `arch`."""
        return cls(os=_OS, architecture=ARCH_FACTS[arch].goarch, variant=_VARIANTS[arch])

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """The platform that a config or a descriptor names."""
        return cls(
            os=str(fields.get("os", "")),
            architecture=str(fields.get("architecture", "")),
            variant=str(fields.get("variant", "")),
        )

    @property
    def fields(self) -> dict[str, str]:
        """As configs and descriptors write it."""
        variant = {"variant": self.variant} if self.variant else {}
        return {"architecture": self.architecture, "os": self.os, **variant}

    def same(self, other: "Platform") -> bool:
        """Whether both mean the same platform; an architecture without a variant means its usual one."""
        return self.completed == other.completed

    @property
    def completed(self) -> tuple[str, str, str]:
        """All three, with the variant that a missing one means."""
        return self.os, self.architecture, self.variant or _DEFAULT_VARIANTS.get(self.architecture, "")

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)
