"""Authorities, issuers and clients: what they may do, and how long; OpenSSL judges chains in tests/integration/controller."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from builder.core.errors import BuilderError
from builder.trust.certificates import Client, Pair, Span, make_authority, make_client

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def span(days: int) -> Span:
    return Span(now=NOW, life=days * DAY)


def constraints(pair: Pair) -> tuple[bool, int | None]:
    value = pair.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    return value.ca, value.path_length


def test_a_root_an_issuer_and_a_client() -> None:
    root = make_authority("mill ca", span(100), issuers=True)
    issuer = make_authority("mill ca issuer 1", span(50), by=root)
    client = make_client(Client(name="barn", groups=("enrolling",)), span(10), by=issuer)
    assert [constraints(pair) for pair in (root, issuer, client)] == [(True, 1), (True, 0), (False, None)]
    root.certificate.verify_directly_issued_by(root.certificate)
    issuer.certificate.verify_directly_issued_by(root.certificate)
    client.certificate.verify_directly_issued_by(issuer.certificate)
    assert client.certificate.subject.rfc4514_string() == "CN=barn,O=enrolling"
    usages = client.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not client.certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_nothing_outlives_who_signed_it() -> None:
    root = make_authority("mill ca", span(5))
    client = make_client(Client(name="barn"), span(10), by=root)
    assert client.certificate.not_valid_after_utc == NOW + 5 * DAY
    assert client.certificate.not_valid_before_utc == NOW - timedelta(hours=1)


def test_what_is_written_is_read() -> None:
    root = make_authority("mill ca", span(5))
    again = Pair.parse(root.certificate_pem, root.key_pem, where="ca")
    assert again.certificate == root.certificate
    assert root.key_pem.startswith("-----BEGIN EC PRIVATE KEY-----")


def test_what_does_not_belong_together_is_refused() -> None:
    one, other = make_authority("a", span(5)), make_authority("b", span(5))
    with pytest.raises(BuilderError, match="ca: the key is not the certificate's"):
        Pair.parse(one.certificate_pem, other.key_pem, where="ca")
    with pytest.raises(BuilderError, match="ca: the certificate or its key is damaged") as error:
        Pair.parse(one.certificate_pem, one.key_pem[:60], where="ca")
    assert one.key_pem[30:60] not in str(error.value)
