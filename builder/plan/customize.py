"""What a recipe lays over packages, as the step that does it takes it."""

from collections.abc import Mapping

from builder.core.arch import Arch
from builder.plan.inputs import Inputs
from builder.recipe.keypath import format_key_path
from builder.recipe.rootfs import DeviceFile, Rootfs, User
from builder.rootfs.customize.model import Account, Customization, EntryKind, OverlayEntry, OverlayLayer
from builder.steps.source import SourceFile


def customization(inputs: Inputs, section: Rootfs, arch: Arch) -> Customization:
    """What `section` lays over the packages for `arch`."""
    return Customization(
        recipe=inputs.recipe.name,
        overlays=tuple(
            OverlayLayer(name=name, entries=inputs.laid.overlays.get(name, {}), replaces=overlay.replaces)
            for name, overlay in section.overlays.items()
            if not overlay.architectures or arch in overlay.architectures
        ),
        files={path.lstrip("/"): _entry(path, file) for path, file in section.files.items()},
        variables=section.variables,
        accounts=tuple(_account(name, user) for name, user in section.users.items()),
        time_zone=section.time_zone,
        locale=section.locale,
        sysctl=section.sysctl,
        modules=section.modules,
        units=section.units,
        slim=section.slim,
    )


def laid_sources(inputs: Inputs, wanted: Customization) -> Mapping[str, SourceFile]:
    """The files that `wanted` reads: those of other architectures' overlays do not touch it."""
    used = {entry.source for layer in wanted.overlays for entry in layer.entries.values()}
    used |= {entry.source for entry in wanted.files.values()}
    return {
        name: file for name, file in inputs.laid.sources.items() if name in used or name.startswith(("slim/", "audit/"))
    }


def laid_origins(inputs: Inputs, wanted: Customization) -> dict[str, str]:
    """Where in the recipe settings were written, for the reasons that a plan gives."""
    paths: list[tuple[str, ...]] = [("time_zone",), ("locale",)]
    paths += [("variables", name) for name in wanted.variables]
    paths += [("sysctl", name) for name in wanted.sysctl]
    paths += [("units", name) for name in wanted.units]
    return {
        f"input.customization.{'.'.join(path)}": inputs.origin(format_key_path(("rootfs", *path))) for path in paths
    }


def _entry(path: str, file: DeviceFile) -> OverlayEntry:
    return OverlayEntry(
        kind=EntryKind.TEMPLATE if file.template else EntryKind.FILE,
        mode=file.mode,
        owner=file.owner,
        group=file.group,
        source="" if file.content is not None else f"files{path}",
        text=file.content or "",
    )


def _account(name: str, user: User) -> Account:
    return Account(
        name=name,
        uid=user.uid,
        groups=user.groups,
        shell=user.shell,
        home=user.home or "",
        ssh_keys=user.ssh_keys,
        comment=user.comment,
    )
