from datetime import UTC, datetime, timedelta

import pysequoia
import pytest

from builder.core.errors import BuilderError, RecipeError, VerificationError
from builder.trust.debian_keys import FINGERPRINTS, debian_keyring
from builder.trust.openpgp import Keyring

NOW = datetime.now(UTC)
TEXT = b"Origin: Sample\nDescription: a\n- dashed\nSuite: stable\n"


@pytest.fixture(scope="module")
def signer() -> pysequoia.Tsk:
    return pysequoia.Tsk.generate(user_id="Sample archive")


@pytest.fixture(scope="module")
def stranger() -> pysequoia.Tsk:
    return pysequoia.Tsk.generate(user_id="Somebody else")


def ring(*keys: pysequoia.Tsk) -> Keyring:
    return Keyring(certificates=tuple(key.extract_certificate() for key in keys))


def signed(key: pysequoia.Tsk, text: bytes = TEXT) -> bytes:
    return pysequoia.sign(key.signer(), text, mode=pysequoia.SignatureMode.CLEAR)


def fingerprint(key: pysequoia.Tsk) -> str:
    return key.extract_certificate().fingerprint.upper()


def test_the_signed_text_and_its_signers_come_back(signer: pysequoia.Tsk, stranger: pysequoia.Tsk) -> None:
    verified = ring(stranger, signer).verify(signed(signer), what="it", now=NOW)
    assert verified.text.rstrip() == TEXT.rstrip()
    assert verified.fingerprints == (fingerprint(signer),)


def test_text_around_the_signed_one_is_dropped(signer: pysequoia.Tsk) -> None:
    data = b"Evil: before\n" + signed(signer) + b"Evil: after\n"
    assert b"Evil" not in ring(signer).verify(data, what="it", now=NOW).text


def test_a_wrong_key_is_told_with_both_fingerprints(signer: pysequoia.Tsk, stranger: pysequoia.Tsk) -> None:
    with pytest.raises(VerificationError, match="it has no good signature") as error:
        ring(signer).verify(signed(stranger), what="it", now=NOW)
    assert any("signed with: " in line for line in error.value.details)
    assert f"trusted:     {fingerprint(signer)}" in error.value.details


@pytest.mark.parametrize(
    "change", [(b"stable", b"stabel"), (b"Sample", b"Sampl\xc3\xab"), (b"- - dashed", b"- - dAshed")]
)
def test_altered_texts_are_refused(change: tuple[bytes, bytes], signer: pysequoia.Tsk) -> None:
    data = signed(signer)
    assert change[0] in data
    with pytest.raises(VerificationError, match="no good signature"):
        ring(signer).verify(data.replace(*change), what="it", now=NOW)


@pytest.mark.parametrize("data", [b"", b"<html>busy</html>", b"Origin: unsigned\n"])
def test_what_is_not_signed_is_told(data: bytes, signer: pysequoia.Tsk) -> None:
    with pytest.raises(VerificationError, match="holds no OpenPGP signature"):
        ring(signer).verify(data, what="it", now=NOW)


def test_every_cut_is_refused(signer: pysequoia.Tsk) -> None:
    data = signed(signer)
    for length in range(0, len(data) - 30, 11):
        with pytest.raises(VerificationError):
            ring(signer).verify(data[:length], what="it", now=NOW)


def test_expired_keys_count_only_when_that_is_allowed(signer: pysequoia.Tsk) -> None:
    brief = pysequoia.Tsk.generate(user_id="Sample archive", validity_seconds=3600)
    later = NOW + timedelta(days=30)
    data = signed(brief)
    assert ring(brief).verify(data, what="it", now=NOW).fingerprints == (fingerprint(brief),)
    with pytest.raises(VerificationError, match="has expired") as error:
        ring(signer, brief).verify(data, what="it", now=later)
    assert error.value.details[0].startswith(f"{fingerprint(brief)} expired on ")
    assert ring(brief).verify(data, what="it", now=later, expired_keys=True).fingerprints == (fingerprint(brief),)


def test_revoked_keys_do_not_count() -> None:
    key = pysequoia.Tsk.generate(user_id="Sample archive")
    data = signed(key)
    certificate = key.extract_certificate()
    revoked = pysequoia.Cert.from_bytes(bytes(certificate) + bytes(certificate.revoke(key.certifier())))
    with pytest.raises(VerificationError, match="no good signature"):
        Keyring(certificates=(revoked,)).verify(data, what="it", now=NOW)


def test_keys_of_a_file_are_those_that_are_named(signer: pysequoia.Tsk, stranger: pysequoia.Tsk) -> None:
    data = bytes(signer.extract_certificate())
    assert Keyring.of(data, fingerprints=[fingerprint(signer)], where="keys").certificates[0].fingerprint
    with pytest.raises(VerificationError) as error:
        Keyring.of(data, fingerprints=[fingerprint(stranger)], where="keys")
    assert set(error.value.details) == {f"not expected: {fingerprint(signer)}", f"missing: {fingerprint(stranger)}"}
    with pytest.raises(BuilderError, match="keys holds no OpenPGP certificates"):
        Keyring.of(b"nothing", fingerprints=[], where="keys")


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_the_committed_keys_are_those_of_debian(name: str) -> None:
    certificates = debian_keyring(name).certificates
    assert [one.fingerprint.upper() for one in certificates] == list(FINGERPRINTS[name])
    assert all(str(one.user_ids[0]).startswith("Debian ") for one in certificates)


def test_unknown_key_names_are_told_with_the_known_ones() -> None:
    with pytest.raises(RecipeError, match="debian-99") as error:
        debian_keyring("debian-99")
    assert "debian-13" in error.value.hint
