"""Secrets in age's format; pyrage, age's implementation in Rust, opens what was encrypted by own code."""

import pyrage
import pytest

from builder.core.errors import RecipeError
from builder.trust.age import (
    SecretError,
    check_recipient,
    decrypt,
    decrypt_with_passphrase,
    encrypt,
    encrypt_with_passphrase,
    new_identity,
    recipient_of,
)


def test_pyrage_opens_what_a_passphrase_protects() -> None:
    sealed = encrypt_with_passphrase(b"the secret", "correct horse")
    assert pyrage.passphrase.decrypt(sealed, "correct horse") == b"the secret"
    assert b"the secret" not in sealed
    assert sealed != encrypt_with_passphrase(b"the secret", "correct horse")


@pytest.mark.parametrize("change", ["passphrase", "mac", "header", "payload", "cut", "empty"])
def test_another_passphrase_or_a_damaged_file_is_refused(change: str) -> None:
    sealed, passphrase = encrypt_with_passphrase(b"the secret", "correct horse"), "correct horse"
    at = sealed.index(b"--- ") + 8
    changed = {
        "passphrase": sealed,
        "mac": sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :],
        "header": sealed.replace(b" 17\n", b" 16\n"),
        "payload": sealed[:-1] + bytes([sealed[-1] ^ 1]),
        "cut": sealed[:-4],
        "empty": b"",
    }[change]
    with pytest.raises(SecretError, match=r"identity.age cannot be decrypted: the passphrase is wrong") as error:
        decrypt_with_passphrase(changed, "wrong" if change == "passphrase" else passphrase, where="identity.age")
    assert passphrase not in str(error.value)


def test_keys_are_for_one_identity() -> None:
    mine, other = new_identity(), new_identity()
    sealed = encrypt(b"the secret", recipient_of(mine, where="mine"))
    assert decrypt(sealed, f"# created: today\n{mine}\n", where="keys.age") == b"the secret"
    with pytest.raises(SecretError, match=r"keys.age cannot be decrypted: it is for another identity"):
        decrypt(sealed, other, where="keys.age")
    with pytest.raises(SecretError, match="or damaged"):
        decrypt(sealed[:-1], mine, where="keys.age")


@pytest.mark.parametrize("text", ["", "# nothing", "AGE-SECRET-KEY-1QQQQ", "age1abc"])
def test_what_is_no_identity_is_not_repeated(text: str) -> None:
    with pytest.raises(SecretError, match=r"my.txt holds no secret key of age") as error:
        recipient_of(text, where="my.txt")
    assert not text or text not in str(error.value)


@pytest.mark.parametrize("text", ["age1x", "AGE-SECRET-KEY-1QQQQ"])
def test_what_is_no_recipient_is_not_repeated(text: str) -> None:
    with pytest.raises(RecipeError, match="this is no public key of age") as error:
        check_recipient(text)
    assert text not in str(error.value)
