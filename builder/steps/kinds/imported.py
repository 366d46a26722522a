"""The kind of step that takes in what somebody else made."""

import shutil
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError, VerificationError
from builder.core.resources import GIB
from builder.debian.mirrors import shown
from builder.steps.context import StepContext
from builder.steps.kinds.common import online, require_static, watched_download
from builder.steps.kinds.debian import ATTEMPTS
from builder.steps.step import StepKind

# Twice the largest distribution known.
_MOST_BYTES = 1 * GIB
_ADVICE = "cluster.executables of the recipe says where the file is"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportInput:
    """A ready-made executable: the name that it gets, its architecture and digest; `url` is empty where it is a file."""

    name: str
    arch: Arch
    digest: Digest
    url: str


def _import_executable(wanted: ImportInput, context: StepContext) -> None:
    executable = context.output / wanted.name
    origin = shown(wanted.url) if wanted.url else str(context.sources["file"].path)
    if wanted.url:
        _download(wanted, executable, context)
    else:
        _copy(wanted, executable, context.sources["file"].path)
    executable.chmod(0o755)
    require_static(context, executable, wanted.arch, name=origin)


def _copy(wanted: ImportInput, executable: Path, source: Path) -> None:
    try:
        shutil.copyfile(source, executable)
    except OSError as error:
        raise BuilderError(f"{source}: {error.strerror}", hint=_ADVICE) from None
    _require_digest(wanted, str(source), executable)


def _download(wanted: ImportInput, executable: Path, context: StepContext) -> None:
    # Plans are made without an HTTP client, which takes longer to import than most plans to make.
    from builder.debian.download import Downloader, Expected

    online(context, shown(wanted.url))
    expected = Expected(size_bytes=_MOST_BYTES, check=partial(_require_digest, wanted, shown(wanted.url)))
    with watched_download(context, context.output):
        client = context.network.http.get()
        downloader = Downloader(client=client, attempts=ATTEMPTS, pause=time.sleep, advice=_ADVICE)
        downloader.fetch([wanted.url], executable, expected)


def _require_digest(wanted: ImportInput, source: str, file: Path) -> None:
    found = Digest.of_file(file)
    if found != wanted.digest:
        raise VerificationError(
            f"{source} is not the file that the recipe names",
            details=[f"expected {wanted.digest}", f"found    {found}"],
            hint="get the file again; only where you know the new one to be right, change its sha256 in the recipe",
        )


IMPORT = StepKind(name="import", version=1, run=_import_executable)
