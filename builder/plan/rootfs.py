"""The steps that make a root file system."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from builder.core.arch import Arch
from builder.core.errors import RecipeError
from builder.core.resources import GIB, MIB, Resources
from builder.debian.pins import PinnedFile
from builder.plan.customize import customization, laid_origins, laid_sources
from builder.plan.debian import pool_name, pool_step
from builder.plan.inputs import Inputs
from builder.plan.tools import tools_step
from builder.recipe.lockfile import LockedDebian
from builder.recipe.rootfs import Engine, Rootfs
from builder.steps.kinds.mmdebstrap import MMDEBSTRAP, BootstrapInput
from builder.steps.kinds.rootfs import (
    CUSTOMIZED,
    HWDB,
    KEPT,
    KERNEL_INDEX,
    PACKAGE_CONTENT,
    ROOTFS,
    ContentInput,
    CustomizedInput,
    HwdbInput,
    KeptInput,
    KernelInput,
    RootfsInput,
)
from builder.steps.kinds.tools import package_role
from builder.steps.step import Step

# xz keeps the blocks that it decompresses at once: 168 MiB for a kernel of 41 MiB with two threads.
_CONTENT = Resources(cores=1, memory_bytes=384 * MIB)
_KERNEL = Resources(cores=1, memory_bytes=512 * MIB)
_ROOTFS = Resources(cores=1, memory_bytes=512 * MIB)
# 220 packages of Debian 12 are 0.9 GiB on a file system in memory, programs come on top.
_BOOTSTRAP = Resources(cores=1, memory_bytes=2 * GIB)
# Packages that hold a kernel's modules; the ones without a version in their names only depend on them.
_MODULES = re.compile(r"linux-(image|modules|binary)-[0-9].*")
_UDEV = "udev"


@dataclass(frozen=True, kw_only=True)
class RootfsWorkshop:
    """Composes the steps of the root file systems of the inputs' recipe; what architectures share is made once."""

    inputs: Inputs

    def rootfs(self, arch: Arch) -> Step[Any]:
        """The step that makes the root file system for `arch`."""
        if self._section.engine is Engine.MMDEBSTRAP:
            return self._customized(arch)
        pins = self._pins(arch)
        udev = [pin for pin in pins if pin.name == _UDEV]
        kernels = [pin for pin in pins if _MODULES.fullmatch(pin.name)]
        wanted = customization(self.inputs, self._section, arch)
        sources = {f"knowledge/{name}": file for name, file in self.inputs.knowledge[arch].items()}
        sources |= laid_sources(self.inputs, wanted)
        return Step(
            id=f"{self.inputs.recipe.name}/{arch}/rootfs",
            kind=ROOTFS,
            input=RootfsInput(arch=arch, host=self.inputs.host, epoch_s=self.inputs.lock.epoch_s, customization=wanted),
            needs={
                "tools": self._natives,
                **{f"content.{pin.name}": self._content(pin) for pin in pins},
                **{f"kernel.{pin.name}": self._kernel(pin) for pin in kernels},
                **({"hwdb": self._hwdb(udev[0])} if udev else {}),
            },
            sources=sources,
            resources=_ROOTFS,
            origins=laid_origins(self.inputs, wanted) | self.inputs.places(sources),
        )

    def _customized(self, arch: Arch) -> Step[CustomizedInput]:
        """What mmdebstrap makes, with what the recipe lays over it."""
        wanted = customization(self.inputs, self._section, arch)
        sources = laid_sources(self.inputs, wanted)
        return Step(
            id=f"{self.inputs.recipe.name}/{arch}/rootfs",
            kind=CUSTOMIZED,
            input=CustomizedInput(
                arch=arch, host=self.inputs.host, epoch_s=self.inputs.lock.epoch_s, customization=wanted
            ),
            needs={"bootstrapped": self.bootstrapped(arch), "tools": self._natives},
            sources=sources,
            resources=_ROOTFS,
            origins=laid_origins(self.inputs, wanted) | self.inputs.places(sources),
        )

    def kernels(self, arch: Arch) -> dict[str, Step[Any]]:
        """The steps that unpack the kernel for `arch` and index its modules: roles `content.NAME` and `kernel.NAME`."""
        kernels = [pin for pin in self._pins(arch) if _MODULES.fullmatch(pin.name)]
        found: dict[str, Step[Any]] = {f"content.{pin.name}": self._content(pin) for pin in kernels}
        return found | {f"kernel.{pin.name}": self._kernel(pin) for pin in kernels}

    def bootstrapped(self, arch: Arch) -> Step[BootstrapInput]:
        """The step that has mmdebstrap make a root file system of the same packages."""
        return Step(
            id=f"{self.inputs.recipe.name}/{arch}/bootstrapped",
            kind=MMDEBSTRAP,
            input=BootstrapInput(arch=arch, epoch_s=self.inputs.lock.epoch_s),
            needs={
                "tools": self._oracle,
                **{package_role(pin.name): self._pool(pin) for pin in self._pins(arch)},
            },
            resources=_BOOTSTRAP,
        )

    def contents(self, arch: Arch) -> dict[str, Step[ContentInput]]:
        """The steps that unpack the packages for `arch`, by name."""
        return {pin.name: self._content(pin) for pin in self._pins(arch)}

    def layer(self, name: str, keep: tuple[str, ...], arch: Arch) -> Step[KeptInput]:
        """The step that takes the files `keep` out of the packages of the layer `name` (`IMAGE/LAYER`) for `arch`."""
        locked = self.inputs.lock.debian.layers.get(arch, {}) if self.inputs.lock.debian else {}
        if name not in locked:  # a lock that fits its recipe has it
            raise RecipeError(f"the lock pins no packages for {name} on {arch}", hint="run 'builder lock --update'")
        sources = {f"knowledge/{one}": file for one, file in self.inputs.layer_knowledge[arch, name].items()}
        return Step(
            id=f"{self.inputs.recipe.name}/{arch}/images/{name}-packages",
            kind=KEPT,
            input=KeptInput(arch=arch, host=self.inputs.host, epoch_s=self.inputs.lock.epoch_s, keep=keep),
            needs={
                "tools": self._natives,
                **{f"content.{pin.name}": self._content(pin) for pin in locked[name].packages},
            },
            sources=sources,
            resources=_ROOTFS,
            origins=self.inputs.places(sources),
        )

    def _content(self, pin: PinnedFile) -> Step[ContentInput]:
        return Step(
            id=f"debian/content/{pool_name(pin)}",
            kind=PACKAGE_CONTENT,
            input=ContentInput(host=self.inputs.host),
            needs={"package": self._pool(pin), "tools": self._archives},
            resources=_CONTENT,
        )

    def _hwdb(self, pin: PinnedFile) -> Step[HwdbInput]:
        return Step(
            id=f"debian/hwdb/{pool_name(pin)}",
            kind=HWDB,
            input=HwdbInput(host=self.inputs.host),
            needs={"content": self._content(pin), "tools": self._natives},
            resources=_CONTENT,
        )

    def _kernel(self, pin: PinnedFile) -> Step[KernelInput]:
        return Step(
            id=f"debian/kernel/{pool_name(pin)}",
            kind=KERNEL_INDEX,
            input=KernelInput(host=self.inputs.host),
            needs={"content": self._content(pin), "tools": self._natives},
            resources=_KERNEL,
        )

    def _pool(self, pin: PinnedFile) -> Step[Any]:
        return pool_step(pin, self.inputs.recipe.debian)

    # Every package needs the first of these; composing it anew for each would take most of the time of a plan.
    @cached_property
    def _archives(self) -> Step[Any]:
        return self._tools("archives")

    @cached_property
    def _natives(self) -> Step[Any]:
        return self._tools("rootfs")

    @cached_property
    def _oracle(self) -> Step[Any]:
        return self._tools("oracle")

    def _tools(self, name: str) -> Step[Any]:
        return tools_step(self.inputs.lock, self.inputs.host, name, self.inputs.recipe.debian)

    def _pins(self, arch: Arch) -> tuple[PinnedFile, ...]:
        locked: LockedDebian | None = self.inputs.lock.debian
        if locked is None or arch not in locked.rootfs:  # a lock that fits its recipe has it
            raise RecipeError(f"the lock pins no packages for {arch}", hint="run 'builder lock --update'")
        return locked.rootfs[arch].packages

    @cached_property
    def _section(self) -> Rootfs:
        section = self.inputs.recipe.rootfs
        if section is None:
            raise RecipeError(
                f"{self.inputs.origin('outputs')}: a root file system is wanted, but the section rootfs is missing"
            )
        return section
