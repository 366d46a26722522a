"""Keys that releases are signed and verified with, out of files."""

import stat
from collections.abc import Callable
from pathlib import Path

from builder.core.errors import BuilderError, RecipeError
from builder.trust.minisign import PublicKey, SecretKey

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_secret_key(path: Path, password: Callable[[], str]) -> SecretKey:
    """The secret key in the file at `path`; `RecipeError` where others may read it, or where it is of another kind."""
    text = _text(path)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}") from None
    if mode & _OTHERS:
        raise RecipeError(
            f"{path}: others than its owner may read or change the secret key (mode {stat.S_IMODE(mode):04o})",
            hint=f"chmod 600 {path}; if others use this machine, make a new pair: they may have copied it",
        )
    if _is_public(text, path):
        raise RecipeError(
            f"{path} holds a public key, and signing takes the secret one",
            hint="'minisign -G' makes both: minisign.key is the secret one, minisign.pub the public one",
        )
    return SecretKey.parse(text, password=password, where=str(path))


def read_public_key(path: Path) -> PublicKey:
    """The public key in the file at `path`; `RecipeError` where it is of another kind."""
    text = _text(path)
    if not _is_public(text, path) and _is_secret(text):
        raise RecipeError(
            f"{path} holds a secret key, and verifying takes the public one",
            hint="whoever verifies never needs the secret key: name minisign.pub",
        )
    return PublicKey.parse(text, where=str(path))


def _is_public(text: str, path: Path) -> bool:
    try:
        PublicKey.parse(text, where=str(path))
    except BuilderError:
        return False
    return True


def _is_secret(text: str) -> bool:
    """By its first line, which says so: to know it otherwise would take its password."""
    return "secret key" in text.partition("\n")[0]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: {getattr(error, 'strerror', None) or 'it is no text'}") from None
