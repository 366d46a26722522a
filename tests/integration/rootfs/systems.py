"""Root file systems of Debian's suites, made by the builder and by mmdebstrap from the same pins.

Pins are resolved once and kept in the user's cache while they fit; what is made of them is kept in the builder's store.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from builder.app.locking import LockRequest, update_lock
from builder.app.project import Project, find_project
from builder.app.session import Session, Settings
from builder.app.workspace import Workspace, open_workspace
from builder.core.arch import Arch
from builder.core.errors import BuilderError, MissingToolError, RecipeError
from builder.io.files import atomic_write
from builder.plan.rootfs import RootfsWorkshop
from builder.plan.tools import tools_step
from builder.steps.kinds.mmdebstrap import OUTPUT, BootstrapInput
from builder.steps.step import Step
from tests.integration.rootfs.allowed import Packages, Suite

RECIPE = """\
extends: [{recipes}/toolchains.yaml, {recipes}/debian.yaml, {recipes}/debian/rootfs.yaml]
name: {name}
architectures: [{archs}]
outputs: [rootfs]
cluster:
  name: none
  version: 0.0.0
  executables: {{ {nothing} }}
  device: {{roles: {{worker: [worker]}}}}
debian:
  suites: {{ {suites} }}
rootfs:
  packages:
    # As recipes/debian/rootfs.yaml has it for devices with Debian 12.
    merged:
      packages: [{merged}]
{extra}
"""
EXTRA = """\
    extra:
      packages: [openssh-server, chrony, wpasupplicant, network-manager, nftables, wireguard-tools, python3, vim-tiny,
        htop, avahi-daemon, i2c-tools, modemmanager]
  # What keeps the time is chosen once.
  without: [systemd-timesyncd]
"""
ARCHS: Mapping[Suite, tuple[Arch, ...]] = {
    Suite.BOOKWORM: (Arch.ARMV7, Arch.AMD64),
    Suite.TRIXIE: (Arch.ARM64, Arch.AMD64),
}
SUITES: Mapping[Suite, str] = {Suite.BOOKWORM: "[bookworm]", Suite.TRIXIE: "[trixie, trixie-security]"}
_NOTHING = '{{file: nothing, sha256: "{zeros}"}}'.format(zeros="0" * 64)


@dataclass(frozen=True, kw_only=True)
class System:
    """The root file system of `packages` of `suite` for `arch`."""

    suite: Suite
    packages: Packages
    arch: Arch

    def __str__(self) -> str:
        return f"{self.suite}-{self.packages}-{self.arch}"

    @cached_property
    def project(self) -> Project:
        return find_project(os.environ)

    @cached_property
    def workspace(self) -> Workspace:
        """The recipe with its pins; skips the test where they cannot be had."""
        recipe = self.project.cache / "test-material" / f"{self.suite}-{self.packages}.yaml"
        recipe.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(recipe, self._recipe().encode())
        request = LockRequest(
            recipe=recipe,
            overrides=(),
            lock_file=recipe.with_suffix(".lock"),
            parts=frozenset(),
            now_s=int(time.time()),
        )
        try:
            with Session(self.project, Settings()) as session:
                update_lock(session, request)
        except RecipeError:
            raise
        except BuilderError as error:
            pytest.skip(f"the packages of {self} cannot be pinned: {error}")
        return open_workspace(recipe, (), lock_file=request.lock_file)

    def declared(self) -> Path:
        """The archive that the builder makes without running anything of the packages."""
        return self.made(RootfsWorkshop(inputs=self.workspace.inputs).rootfs(self.arch)) / OUTPUT

    def bootstrapped(self) -> Path:
        """The archive that mmdebstrap makes, as it leaves it."""
        return self.made(self._oracle(verbatim=True)) / OUTPUT

    def fallback(self) -> Path:
        """The archive that mmdebstrap makes for devices."""
        return self.made(self._oracle(verbatim=False)) / OUTPUT

    def tools(self) -> Path:
        """The tree that mmdebstrap comes out of."""
        inputs = self.workspace.inputs
        return self.made(tools_step(inputs.lock, inputs.host, "oracle", inputs.recipe.debian))

    def made(self, step: Step[Any]) -> Path:
        """The output of `step`, out of the builder's store."""
        try:
            with Session(self.project, Settings()) as session:
                return session.obtain(step)
        except MissingToolError as error:
            pytest.skip(str(error))

    def _oracle(self, *, verbatim: bool) -> Step[BootstrapInput]:
        step = RootfsWorkshop(inputs=self.workspace.inputs).bootstrapped(self.arch)
        return replace(step, id=f"{self}/oracle", input=replace(step.input, verbatim=verbatim))

    def _recipe(self) -> str:
        archs = ARCHS[self.suite]
        unused = [arch for arch in Arch if arch not in archs]
        return RECIPE.format(
            recipes=self.project.root / "recipes",
            name=f"{self.suite}-{self.packages}",
            archs=", ".join(archs),
            nothing=", ".join(f"{arch}: {_NOTHING}" for arch in archs),
            suites=", ".join(
                [*(f"{arch}: {SUITES[self.suite]}" for arch in archs), *(f"{arch}: null" for arch in unused)]
            ),
            merged="usr-is-merged" if self.suite is Suite.BOOKWORM else "",
            extra=EXTRA if self.packages is Packages.EXTRA else "",
        )
