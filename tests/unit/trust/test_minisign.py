"""Keys and signatures of minisign 0.12, and what is refused; the program itself judges in tests/integration/airgap."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from builder.core.errors import BuilderError, VerificationError
from builder.trust.minisign import PublicKey, SecretKey, Signature

IDENTITY, SEED = b"identity", bytes(range(32))
CONTENT = [b"the bundle's ", b"content"]


def public_bytes(seed: bytes = SEED) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def public(identity: bytes = IDENTITY, seed: bytes = SEED) -> PublicKey:
    text = base64.b64encode(b"Ed" + identity + public_bytes(seed)).decode()
    return PublicKey.parse(f"untrusted comment: x\n{text}\n", where="key.pub")


def secret_text(public: bytes | None = None) -> str:
    part = IDENTITY + SEED + (public or public_bytes())
    return base64.b64encode(b"Ed\0\0B2" + bytes(48) + part + bytes(32)).decode()


def no_password() -> str:
    raise AssertionError("a password is asked for")


def signed(comment: str = "timestamp:1\tfile:x") -> Signature:
    key = SecretKey.parse(f"untrusted comment: y\n{secret_text()}\n", password=no_password, where="key")
    return Signature.parse(str(key.sign(CONTENT, comment)), where="x.minisig")


def test_what_was_signed_is_verified() -> None:
    public().verify([b"".join(CONTENT)], signed(), what="x")
    alone = PublicKey.parse(base64.b64encode(b"Ed" + IDENTITY + public_bytes()).decode(), where="key.pub")
    alone.verify(CONTENT, signed(), what="x")


def test_other_content_is_refused() -> None:
    with pytest.raises(VerificationError, match="x is not what was signed"):
        public().verify([*CONTENT, b"more"], signed(), what="x")


def test_another_comment_is_refused() -> None:
    text = str(signed()).replace("file:x", "file:y")
    with pytest.raises(VerificationError, match="x is not what was signed"):
        public().verify(CONTENT, Signature.parse(text, where="x.minisig"), what="x")


def test_another_key_is_refused() -> None:
    with pytest.raises(VerificationError, match=r"with the key 797469746E656469, not with 726568746F656E6F"):
        public(identity=b"oneother").verify(CONTENT, signed(), what="x")
    with pytest.raises(VerificationError, match="x is not what was signed"):
        public(seed=bytes(32)).verify(CONTENT, signed(), what="x")


@pytest.mark.parametrize("text", ["", "a\nb\nc\nd\n", "untrusted comment: x\nRWQ=\ntrusted comment: y\nAA==\n"])
def test_what_is_no_signature_is_told(text: str) -> None:
    with pytest.raises(VerificationError, match=r"x\.minisig is no signature of minisign"):
        Signature.parse(text, where="x.minisig")


def test_a_signature_of_the_old_kind_is_told() -> None:
    lines = str(signed()).splitlines()
    lines[1] = base64.b64encode(b"Ed" + base64.b64decode(lines[1])[2:]).decode()
    with pytest.raises(VerificationError, match="is no signature of minisign"):
        Signature.parse("\n".join(lines), where="x.minisig")


@pytest.mark.parametrize("text", ["", "x", base64.b64encode(b"ED" + bytes(40)).decode()])
def test_what_is_no_public_key_is_told(text: str) -> None:
    with pytest.raises(BuilderError, match=r"key\.pub holds no public key of minisign"):
        PublicKey.parse(text, where="key.pub")


def test_what_is_no_secret_key_is_told() -> None:
    with pytest.raises(BuilderError, match="key holds no secret key of minisign"):
        SecretKey.parse("x", password=no_password, where="key")
    with pytest.raises(BuilderError, match="the secret key in key is damaged"):
        SecretKey.parse(secret_text(public=bytes(32)), password=no_password, where="key")
