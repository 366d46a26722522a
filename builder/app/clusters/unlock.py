"""How the keys of a cluster are opened: by a passphrase, or by an age identity that the operator keeps."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from builder.core.errors import RecipeError
from builder.fleet.directory import ClusterDirectory
from builder.fleet.record import Record
from builder.trust.age import decrypt_with_passphrase

# A passphrase that is read by machines ends with its line.
_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlocking:
    """Where a passphrase or an identity comes from.

    `passphrase_file` may be `-`, standard input; without it and at a terminal, `prompt` asks.
    """

    passphrase_file: Path | None
    identity_file: Path | None
    prompt: Callable[[str], str] | None

    def identity(self, directory: ClusterDirectory, record: Record) -> str:
        """The identity that the keys in `directory` are encrypted for."""
        if not record.has_passphrase:
            if self.identity_file is None:
                raise RecipeError(
                    f"the keys of {record.name} are encrypted for {record.recipient}",
                    hint="name the file of that age identity: --identity FILE",
                )
            return read_text(self.identity_file)
        try:
            data = directory.identity.read_bytes()
        except OSError as error:
            raise RecipeError(f"{directory.identity} cannot be read: {error.strerror}", hint="bring it back") from None
        passphrase = self.passphrase(f"passphrase of the cluster {record.name}")
        return decrypt_with_passphrase(data, passphrase, where=str(directory.identity)).decode()

    def passphrase(self, question: str) -> str:
        """The passphrase; `RecipeError` where nobody can be asked."""
        if self.passphrase_file is not None:
            text = read_text(self.passphrase_file).rstrip("\r\n")
        elif self.prompt is not None:
            text = self.prompt(question)
        else:
            raise RecipeError(
                f"nobody is here to be asked for the {question}",
                hint="--passphrase-file FILE (- for standard input), or BUILDER_PASSPHRASE_FILE",
            )
        if not text:
            raise RecipeError("the passphrase is empty")
        return text


def read_text(path: Path) -> str:
    """The text of a small file, or of standard input (`-`)."""
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as stream:
                data = stream.read(_MOST_BYTES + 1)
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    if len(data) > _MOST_BYTES:
        raise RecipeError(f"{path}: longer than {_MOST_BYTES} bytes")
    return text
