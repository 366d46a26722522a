"""The secret keys of a cluster, as they are encrypted: what only the operator has, and what controllers have, too."""

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from builder.core.errors import BuilderError
from builder.trust.certificates import Pair, key_pem, new_key
from builder.trust.minisign import SecretKey

# kedge takes a secretbox key of 32 bytes.
_ENCRYPTION_KEY_BYTES = 32


class _Secret(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def parse(cls, data: bytes, *, where: str) -> Self:
        """What was decrypted out of `where`."""
        try:
            return cls.model_validate_json(data)
        except ValidationError:
            raise BuilderError(
                f"{where} holds something else than it should", hint="bring it back from a copy"
            ) from None

    def dump(self) -> bytes:
        """What is encrypted."""
        return self.model_dump_json().encode()


class RootKeys(_Secret):
    """Keys in PEM, by authority. They are needed when issuers are made, and can lie elsewhere until then."""

    format: Literal[1] = 1
    keys: Mapping[str, str] = Field(repr=False)


class Keys(_Secret):
    """Keys in PEM of the issuers, of the authority that enrols and of service accounts; those that encrypt, newest first.

    `upgrades` signs versions of kedge for the cluster's devices (minisign's seed and identity, in base64).
    """

    format: Literal[1] = 1
    issuers: Mapping[str, str] = Field(repr=False)
    enrolment: str = Field(repr=False)
    service_accounts: str = Field(repr=False)
    encryption: Annotated[tuple[str, ...], Field(min_length=1)] = Field(repr=False)
    upgrades: str = Field(default="", repr=False)

    @classmethod
    def make(cls, issuers: Mapping[str, Pair], enrolment: Pair) -> Self:
        """The first keys of a cluster."""
        return cls(
            issuers={name: pair.key_pem for name, pair in issuers.items()},
            enrolment=enrolment.key_pem,
            service_accounts=key_pem(new_key()),
            encryption=(new_encryption_key(),),
            upgrades=SecretKey.make().dump(),
        )

    def encryption_json(self) -> bytes:
        """The API server's file, as kedge itself makes it (cluster/internal/apiconfig); JSON is YAML.

        The oldest key is called key1: what is stored names the key that it was encrypted with.
        """
        count = len(self.encryption)
        named = [{"name": f"key{count - at}", "secret": key} for at, key in enumerate(self.encryption)]
        providers = [{"secretbox": {"keys": named}}, {"identity": {}}]
        document = {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [{"providers": providers, "resources": ["secrets"]}],
        }
        return f"{json.dumps(document, indent=2)}\n".encode()


def new_encryption_key() -> str:
    """A key with which secrets are stored."""
    return base64.b64encode(secrets.token_bytes(_ENCRYPTION_KEY_BYTES)).decode()
