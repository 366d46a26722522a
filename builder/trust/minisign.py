"""Signatures in minisign's format (jedisct1.github.io/minisign, "Signature format"): Ed25519 over BLAKE2b-512 of a file.

Own code around cryptography's Ed25519: the packages for Python that there are read a file into memory as a whole.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from builder.core.errors import BuilderError, VerificationError

SUFFIX = ".minisig"
_KEY, _PREHASHED = b"Ed", b"ED"
_SCRYPT, _NOT_ENCRYPTED, _BLAKE2B = b"Sc", b"\0\0", b"B2"
_PUBLIC = struct.Struct("<2s8s32s")
_SIGNATURE = struct.Struct("<2s8s64s")
# Algorithms of key, password and checksum; salt, limits of operations and memory; then what may be encrypted.
_SECRET = struct.Struct("<2s2s2s32sQQ104s")
# Identity, seed, public key, checksum.
_SECRET_PART = struct.Struct("<8s32s32s32s")
_UNTRUSTED, _TRUSTED = "untrusted comment: ", "trusted comment: "
_HASH_BYTES, _CHECKSUM_BYTES = 64, 32
_IDENTITY_BYTES, _SEED_BYTES = 8, 32
# What scrypt may take: minisign asks for 1 GiB, and OpenSSL counts its working space on top.
_MOST_MEMORY_BYTES = (1 << 31) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature, and the comment that it covers too."""

    identity: bytes
    of_content: bytes
    comment: str
    of_comment: bytes

    @classmethod
    def parse(cls, text: str, *, where: str) -> Self:
        """The signature in `text`; `VerificationError` that names `where` if there is none."""
        lines = text.splitlines()
        try:
            _, content, comment, of_comment = lines[:4]
            algorithm, identity, signature = _SIGNATURE.unpack(_decoded(content))
            _require(comment.startswith(_TRUSTED) and algorithm == _PREHASHED)
            return cls(
                identity=identity,
                of_content=signature,
                comment=comment.removeprefix(_TRUSTED),
                of_comment=_decoded(of_comment),
            )
        except (ValueError, struct.error):
            raise VerificationError(
                f"{where} is no signature of minisign", hint="minisign 0.6 and later sign as is needed here (-H)"
            ) from None

    def __str__(self) -> str:
        content = _SIGNATURE.pack(_PREHASHED, self.identity, self.of_content)
        return (
            f"{_UNTRUSTED}signature of the key {_shown(self.identity)}\n{_encoded(content)}\n"
            f"{_TRUSTED}{self.comment}\n{_encoded(self.of_comment)}\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """What signatures are verified with."""

    identity: bytes
    key: bytes

    @classmethod
    def parse(cls, text: str, *, where: str) -> Self:
        """The key in `text`, a file of minisign's or its last line alone."""
        try:
            algorithm, identity, key = _PUBLIC.unpack(_decoded(text.strip().splitlines()[-1]))
            _require(algorithm == _KEY)
        except (ValueError, IndexError, struct.error):
            raise BuilderError(f"{where} holds no public key of minisign", hint="'minisign -G' makes one") from None
        return cls(identity=identity, key=key)

    @property
    def line(self) -> str:
        """The key as the last line of minisign's file."""
        return _encoded(_PUBLIC.pack(_KEY, self.identity, self.key))

    def verify(self, content: Iterable[bytes | memoryview], signature: Signature, *, what: str) -> None:
        """Raise `VerificationError` unless `signature` is this key's of `content`, which is called `what`."""
        if signature.identity != self.identity:
            raise VerificationError(
                f"{what} is signed with the key {_shown(signature.identity)}, not with {_shown(self.identity)}",
                hint="name the public key that belongs to who signed, if you trust it",
            )
        key = Ed25519PublicKey.from_public_bytes(self.key)
        try:
            key.verify(signature.of_comment, signature.of_content + signature.comment.encode())
            key.verify(signature.of_content, _hashed(content))
        except InvalidSignature:
            raise VerificationError(
                f"{what} is not what was signed", hint="copy it again, together with its signature"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretKey:
    """What signatures are made with."""

    identity: bytes
    seed: bytes

    @classmethod
    def parse(cls, text: str, *, password: Callable[[], str], where: str) -> Self:
        """The key in `text`; `password` is asked where it is encrypted."""
        try:
            algorithm, kdf, checksum, salt, operations, memory_bytes, hidden = _SECRET.unpack(
                _decoded(text.strip().splitlines()[-1])
            )
            _require(algorithm == _KEY and checksum == _BLAKE2B and kdf in (_SCRYPT, _NOT_ENCRYPTED))
        except (ValueError, IndexError, struct.error):
            raise BuilderError(f"{where} holds no secret key of minisign", hint="'minisign -G' makes one") from None
        if kdf == _SCRYPT:
            stream = _stretched(password(), salt, operations, memory_bytes)
            hidden = bytes(one ^ other for one, other in zip(hidden, stream, strict=True))
        identity, seed, public, expected = _SECRET_PART.unpack(hidden)
        if kdf == _SCRYPT and not hmac.compare_digest(_checksum(algorithm + identity + seed + public), expected):
            raise BuilderError(f"{where}: the password is wrong")
        # A key without a password has no checksum.
        if Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw() != public:
            raise BuilderError(f"the secret key in {where} is damaged")
        return cls(identity=identity, seed=seed)

    @classmethod
    def make(cls) -> Self:
        """A new key."""
        return cls(identity=secrets.token_bytes(_IDENTITY_BYTES), seed=secrets.token_bytes(_SEED_BYTES))

    @classmethod
    def load(cls, text: str) -> Self:
        """What `dump` gave."""
        data = _decoded(text)
        return cls(identity=data[:_IDENTITY_BYTES], seed=data[_IDENTITY_BYTES:])

    def dump(self) -> str:
        """The key in one line, to be encrypted by others."""
        return _encoded(self.identity + self.seed)

    @property
    def public(self) -> PublicKey:
        """What its signatures are verified with."""
        key = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return PublicKey(identity=self.identity, key=key)

    def sign(self, content: Iterable[bytes | memoryview], comment: str) -> Signature:
        """The signature of `content` and of `comment`, one line that verifiers show."""
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        of_content = key.sign(_hashed(content))
        of_comment = key.sign(of_content + comment.encode())
        return Signature(identity=self.identity, of_content=of_content, comment=comment, of_comment=of_comment)


def _checksum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_CHECKSUM_BYTES).digest()


def _hashed(content: Iterable[bytes | memoryview]) -> bytes:
    found = hashlib.blake2b(digest_size=_HASH_BYTES)
    for piece in content:
        found.update(piece)
    return found.digest()


def _stretched(password: str, salt: bytes, operations: int, memory_bytes: int) -> bytes:
    """What encrypts a key: scrypt, whose parameters follow from the limits (libsodium: pickparams)."""
    block = 8
    operations = max(operations, 1 << 15)
    bound_by_time = operations < memory_bytes // 32
    most = operations // (block * 4) if bound_by_time else memory_bytes // (block * 128)
    exponent = next((one for one in range(1, 63) if 1 << one > most // 2), 63)
    lanes = 1 if bound_by_time else min(operations // 4 >> exponent, 0x3FFFFFFF) // block
    try:
        return hashlib.scrypt(
            password.encode(),
            salt=salt,
            n=1 << exponent,
            r=block,
            p=lanes,
            maxmem=_MOST_MEMORY_BYTES,
            dklen=_SECRET_PART.size,
        )
    except ValueError as error:
        raise BuilderError(f"the key's password cannot be used: {error}") from None


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError


def _decoded(line: str) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        raise ValueError(line) from None


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _shown(identity: bytes) -> str:
    """As minisign shows it."""
    return identity[::-1].hex().upper()
