"""Source archives as upstream publishes them: one directory that holds everything."""

import tarfile
from pathlib import Path, PurePosixPath

from builder.core.errors import BuilderError


def unpack_source(archive: Path, tree: Path) -> None:
    """Unpack the tar file `archive` (gzip, bzip2 or xz) into the new directory `tree`, without its first directory.

    Only regular files arrive, none of them executable: nothing of an archive is ever run here. A name that leads out of
    the archive's directory is an error.
    """
    tree.mkdir(parents=True)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isfile():
                    _unpack(tar, member, tree)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BuilderError(f"{archive.name} cannot be unpacked: {error}") from error


def _unpack(tar: tarfile.TarFile, member: tarfile.TarInfo, tree: Path) -> None:
    parts = [part for part in PurePosixPath(member.name).parts if part != "."]
    if len(parts) < 2 or ".." in parts or parts[0] == "/":  # noqa: PLR2004 - the directory of all and a name in it
        raise BuilderError(f"a source archive with one directory was expected; it has {member.name!r}")
    target = tree.joinpath(*parts[1:])
    target.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member)
    if content is not None:
        target.write_bytes(content.read())
