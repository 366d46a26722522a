"""The steps that make trees of tools for the machine that builds."""

from collections.abc import Mapping

from builder.core.arch import Arch
from builder.core.errors import MissingToolError, RecipeError
from builder.core.resources import GIB, MIB, Resources
from builder.plan.debian import pool_step
from builder.recipe.debian import Debian
from builder.recipe.lockfile import Lock, LockedTools
from builder.steps.kinds.tools import TOOLS_TREE, ToolsTreeInput, package_role
from builder.steps.step import Step

# All emulators and firmware, two packages at once.
_MERGE = Resources(cores=2, memory_bytes=256 * MIB, disk_bytes=1 * GIB)


def tools_step(lock: Lock, host: Arch, name: str, debian: Debian | None = None) -> Step[ToolsTreeInput]:
    """The tree of the set `name` in `debian.tools.sets`, for a machine of `host`; `debian` is the recipe's section."""
    sets = locked_sets(lock, host)
    if name not in sets:
        raise RecipeError(
            f"the lock has no set of tools {name!r}",
            details=[f"debian.tools.sets has: {', '.join(sorted(sets))}"],
            hint="name it there, then: builder lock --update",
        )
    return Step(
        id=f"tools/{name}",
        kind=TOOLS_TREE,
        input=ToolsTreeInput(host=host),
        needs={package_role(pin.name): pool_step(pin, debian) for pin in sets[name].packages},
        resources=_MERGE,
    )


def locked_sets(lock: Lock, host: Arch) -> Mapping[str, LockedTools]:
    """The sets of tools that the lock has for a machine of `host`, by name; `MissingToolError` where it has none."""
    tools = lock.debian.tools if lock.debian else {}
    if host not in tools:
        known = ", ".join(tools) or "none"
        raise MissingToolError(
            f"the lock pins no tools for a machine of architecture {host}",
            hint=f"it pins them for: {known}; debian.tools of the recipe asks for them, 'builder lock --update' pins them",
        )
    return tools[host]
