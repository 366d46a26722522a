"""The kind of step that takes in what somebody else made."""

import shutil
from dataclasses import dataclass

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError, VerificationError
from builder.steps.context import StepContext
from builder.steps.kinds.common import require_static
from builder.steps.step import StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportInput:
    """A ready-made executable: the name that it gets, its architecture and digest; `url` is empty where it is a file."""

    name: str
    arch: Arch
    digest: Digest
    url: str


def _import_executable(wanted: ImportInput, context: StepContext) -> None:
    executable = context.output / wanted.name
    source = context.sources["file"].path
    try:
        shutil.copyfile(source, executable)
    except OSError as error:
        raise BuilderError(f"{source}: {error.strerror}", hint="cluster.executables says where the file lies") from None
    found = Digest.of_file(executable)
    if found != wanted.digest:
        raise VerificationError(
            f"{source} is not the file that the recipe names",
            details=[f"expected {wanted.digest}", f"found    {found}"],
            hint="get the file again; only where you know the new one to be right, change its sha256 in the recipe",
        )
    executable.chmod(0o755)
    require_static(context, executable, wanted.arch, name=wanted.name)


IMPORT = StepKind(name="import", version=1, run=_import_executable)
