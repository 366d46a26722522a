"""The kind of step that makes a tree of tools for the machine that builds.

Plans know of it without importing what it works with.
"""

from dataclasses import dataclass

from builder.core.arch import Arch
from builder.steps.context import StepContext
from builder.steps.step import StepKind

_PACKAGE = "package."


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsTreeInput:
    """The packages that the step needs as `package.NAME`, each a directory with one .deb, for a machine of `host`."""

    host: Arch


def _merge_tools(wanted: ToolsTreeInput, context: StepContext) -> None:
    from builder.toolchain.libraries import require_libraries
    from builder.toolchain.merge import merge_packages
    from builder.toolchain.tree import ToolsTree

    places = [path for role, path in context.needs.items() if role.startswith(_PACKAGE)]
    merge_packages([deb for place in places for deb in place.iterdir()], context.output, cores=context.cores)
    require_libraries(ToolsTree(root=context.output, arch=wanted.host))


def package_role(name: str) -> str:
    """The role of the step that brings the package `name`."""
    return f"{_PACKAGE}{name}"


TOOLS_TREE = StepKind(name="tools-tree", version=2, run=_merge_tools)
