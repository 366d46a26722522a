"""Signed texts (an archive's InRelease), verified against certificates that are named by fingerprint.

Sequoia does the cryptography, through pysequoia. It accepts a signature that a key made while it was valid, for ever; here a
key that has expired since counts only when the caller says so, because whoever finds an old secret key can backdate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

import pysequoia

from builder.core.errors import BuilderError, VerificationError


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedText:
    """What was signed, and the fingerprints (upper case) of the certificates whose signatures of it are good."""

    text: bytes
    fingerprints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Certificates that are trusted to sign one kind of text."""

    certificates: tuple[pysequoia.Cert, ...]

    @classmethod
    def of(cls, data: bytes, *, fingerprints: Sequence[str], where: str) -> Self:
        """The certificates in `data` (armored or binary), which must be those that `fingerprints` name, no more and no less.

        `where` says where `data` lies; `VerificationError` where it holds others, `BuilderError` where it is damaged.
        """
        try:
            found = {cert.fingerprint.upper(): cert for cert in pysequoia.Cert.split_bytes(data)}
        except (RuntimeError, ValueError) as error:
            raise BuilderError(f"{where} holds no OpenPGP certificates: {_first_line(error)}") from None
        if differing := sorted(found.keys() ^ set(fingerprints)):
            raise VerificationError(
                f"{where} does not hold the certificates that it is expected to hold",
                details=[f"{'not expected' if one in found else 'missing'}: {one}" for one in differing],
                hint="restore the file from version control, or correct the list of fingerprints",
            )
        return cls(certificates=tuple(found[one] for one in fingerprints))

    def __add__(self, other: "Keyring") -> "Keyring":
        """The certificates of both."""
        return Keyring(certificates=(*self.certificates, *other.certificates))

    def verify(self, data: bytes, *, what: str, now: datetime, expired_keys: bool = False) -> SignedText:
        """The text that is signed in `data`, by at least one certificate of this keyring; text around it is dropped.

        `what` names `data` in errors. Certificates that have expired at `now` count only with `expired_keys`.
        """
        signers: list[str] = []

        def certificates(identifiers: list[str]) -> list[pysequoia.Cert]:
            signers.extend(identifier.upper() for identifier in identifiers)
            return list(self.certificates)

        try:
            verified = pysequoia.verify(data, certificates)
        except RuntimeError as error:
            raise self._refusal(what, signers, _first_line(error)) from None
        good = {str(signature.certificate).upper() for signature in verified.valid_sigs}
        expired = {one: day for one, day in self._expirations(now).items() if one in good}
        if not expired_keys and not good - expired.keys():
            raise VerificationError(
                f"{what} is signed with a key that has expired",
                details=[f"{one} expired on {day:%Y-%m-%d}" for one, day in expired.items()],
                hint="is this machine's clock right? For an old snapshot allow expired keys; otherwise a newer builder "
                "brings the archive's new keys",
            )
        return SignedText(text=verified.bytes or b"", fingerprints=tuple(sorted(good)))

    def _expirations(self, now: datetime) -> dict[str, datetime]:
        pairs = [(one.fingerprint.upper(), one.expiration) for one in self.certificates]
        return {fingerprint: day.astimezone(UTC) for fingerprint, day in pairs if day and day <= now}

    def _refusal(self, what: str, signers: Sequence[str], reason: str) -> VerificationError:
        if not signers:
            return VerificationError(
                f"{what} holds no OpenPGP signature: {reason}",
                hint="a proxy or mirror served something else, an error page perhaps; nothing of it was used",
            )
        trusted = [one.fingerprint.upper() for one in self.certificates]
        return VerificationError(
            f"{what} has no good signature by a key that is trusted for it",
            details=[*(f"signed with: {one}" for one in signers), *(f"trusted:     {one}" for one in trusted)],
            hint="either the text was altered on its way, so name another mirror; or the archive signs with newer keys: "
            "then add them to the repository's keys after checking their fingerprints with the archive's owners",
        )


def _first_line(error: Exception) -> str:
    """What pysequoia says without the stack that it appends."""
    return str(error).partition("\n")[0].rstrip(".")
