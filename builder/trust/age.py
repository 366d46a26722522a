"""Secrets encrypted as age does (age-encryption.org/v1), so that its own program opens them, too.

Own code for the one thing that pyrage cannot do: choose how long a passphrase is stretched. It measures the machine instead,
and takes more than a second everywhere.
"""

import base64
import hashlib
import hmac
import secrets

import pyrage
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from builder.core.errors import BuilderError, RecipeError

# 128 MiB of memory, and a quarter of a second: what OWASP asks of scrypt.
_LOG_N = 17
_BLOCK, _KEY_BYTES = 8, 32
_FILE_KEY_BYTES = _SALT_BYTES = _NONCE_BYTES = 16
# The payload's chunks have 64 KiB; what is encrypted here is one, and the last.
_CHUNK_BYTES = 1 << 16
_ONLY_CHUNK = bytes(11) + b"\x01"
_LABEL = b"age-encryption.org/v1/scrypt"


class SecretError(BuilderError):
    """A secret cannot be read: the passphrase or the identity is another one, or the file is damaged."""


def new_identity() -> str:
    """A new secret key, `AGE-SECRET-KEY-1...`."""
    return str(pyrage.x25519.Identity.generate())


def recipient_of(identity: str, *, where: str) -> str:
    """The public key, `age1...`, of the secret key that the text of an identity file has; `where` names it in errors."""
    return str(_identity(identity, where).to_public())


def encrypt(data: bytes, recipient: str) -> bytes:
    """`data` for whoever has the secret key of `recipient`."""
    return bytes(pyrage.encrypt(data, [_recipient(recipient)]))


def check_recipient(text: str) -> None:
    """Raise where `text` is no public key of age."""
    _recipient(text)


def decrypt(data: bytes, identity: str, *, where: str) -> bytes:
    """What `where` holds, which was encrypted for the owner of `identity`."""
    key = _identity(identity, "the identity")
    try:
        return bytes(pyrage.decrypt(data, [key]))
    except pyrage.DecryptError:
        raise SecretError(
            f"{where} cannot be decrypted: it is for another identity, or damaged",
            hint="name the age identity that the cluster was made for, or bring the file back from a copy",
        ) from None


def encrypt_with_passphrase(data: bytes, passphrase: str) -> bytes:
    """`data`, of less than 64 KiB, for whoever knows `passphrase` (recipient type scrypt)."""
    if len(data) >= _CHUNK_BYTES:
        raise ValueError(len(data))
    file_key, salt, nonce = (secrets.token_bytes(size) for size in (_FILE_KEY_BYTES, _SALT_BYTES, _NONCE_BYTES))
    memory_bytes = 256 * _BLOCK << _LOG_N
    wrap = hashlib.scrypt(
        passphrase.encode(), salt=_LABEL + salt, n=1 << _LOG_N, r=_BLOCK, p=1, maxmem=memory_bytes, dklen=_KEY_BYTES
    )
    body = ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)
    header = f"age-encryption.org/v1\n-> scrypt {_base64(salt)} {_LOG_N}\n{_base64(body)}\n---"
    mac = hmac.digest(_derived(file_key, b"", b"header"), header.encode(), "sha256")
    payload = ChaCha20Poly1305(_derived(file_key, nonce, b"payload")).encrypt(_ONLY_CHUNK, data, None)
    return f"{header} {_base64(mac)}\n".encode() + nonce + payload


def decrypt_with_passphrase(data: bytes, passphrase: str, *, where: str) -> bytes:
    """What `where` holds, which was encrypted with `passphrase`."""
    try:
        return bytes(pyrage.passphrase.decrypt(data, passphrase))
    except pyrage.DecryptError:
        raise SecretError(
            f"{where} cannot be decrypted: the passphrase is wrong, or the file is damaged",
            hint="nothing was changed; try again, or bring the file back from a copy",
        ) from None


def _recipient(text: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        # It may be the secret key, which is not repeated.
        raise RecipeError("this is no public key of age", hint="'age-keygen -y FILE' prints it: age1...") from None


def _identity(text: str, where: str) -> pyrage.x25519.Identity:
    """The key in `text`, which may have comments as age-keygen writes them. It is never repeated."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        (line,) = lines
        return pyrage.x25519.Identity.from_str(line)
    except (ValueError, pyrage.IdentityError):
        raise SecretError(
            f"{where} holds no secret key of age", hint="'age-keygen -o FILE' makes one: AGE-SECRET-KEY-1..."
        ) from None


def _derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=salt, info=info).derive(key)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")
