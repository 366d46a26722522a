"""Signatures of bundles and executables, by keys of whoever ships them."""

from collections.abc import Callable, Iterator
from pathlib import Path

from builder.core.errors import BuilderError
from builder.io.files import atomic_write
from builder.io.mapped import MappedFiles
from builder.oci.parts import bundle_files, whole_path
from builder.trust.minisign import SUFFIX, PublicKey, SecretKey, Signature


def signature_path(bundle: Path) -> Path:
    """Where the signature of `bundle` lies, which may be a part of one: there is one signature of all parts."""
    whole = whole_path(bundle)
    return whole.with_name(f"{whole.name}{SUFFIX}")


def sign_bundle(bundle: Path, key: Path, *, password: Callable[[], str], now_s: int) -> Path:
    """Write the signature of `bundle` beside it, with the secret `key`, whose `password` is asked for where it has one."""
    return sign_with(SecretKey.parse(_text(key), password=password, where=str(key)), bundle, now_s=now_s)


def sign_with(secret: SecretKey, file: Path, *, now_s: int) -> Path:
    """Write the signature of `file`, a bundle or anything else, beside it; where that is."""
    signature = secret.sign(_content(file), f"timestamp:{now_s}\tfile:{whole_path(file).name}\thashed")
    path = signature_path(file)
    try:
        atomic_write(path, str(signature).encode())
    except OSError as error:
        raise BuilderError(f"{path}: {error.strerror}") from None
    return path


def require_signed(bundle: Path, key: Path) -> None:
    """Raise `VerificationError` unless the signature beside `bundle` is the public `key`'s."""
    public = PublicKey.parse(_text(key), where=str(key))
    path = signature_path(bundle)
    signature = Signature.parse(_text(path), where=str(path))
    public.verify(_content(bundle), signature, what=str(bundle))


def _content(bundle: Path) -> Iterator[memoryview]:
    try:
        data = MappedFiles(bundle_files(bundle))
    except OSError as error:
        raise BuilderError(f"{error.filename or bundle}: {error.strerror}") from None
    yield from data.chunks(0, len(data))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BuilderError(f"{path}: {getattr(error, 'strerror', None) or 'it is no text'}") from None
