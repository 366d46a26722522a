"""Signatures of bundles: minisign itself takes the builder's, and the builder minisign's."""

import os
from pathlib import Path

import pytest

from builder.app.signing import require_signed, sign_bundle, signature_path
from builder.core.errors import BuilderError, VerificationError
from builder.io.command import CommandError
from builder.oci.bundle import write_bundle
from builder.oci.parts import bundle_files
from tests.integration.airgap.minisign import WORDS, Minisign
from tests.unit.oci.made import EPOCH_S, Made, make_image


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    make_image(tmp_path / "image", Made(layers=({"app": os.urandom(5_000)},)))
    return write_bundle([tmp_path / "image"], tmp_path / "app.tar", epoch_s=EPOCH_S)


def no_password() -> str:
    raise AssertionError("a password is asked for")


def test_minisign_takes_what_the_builder_signs(minisign: Minisign, bundle: Path) -> None:
    minisign.make_keys("-W")
    sign_bundle(bundle, minisign.secret, password=no_password, now_s=EPOCH_S)
    assert f"timestamp:{EPOCH_S}\tfile:app.tar\thashed" in minisign.verify(bundle)
    bundle.write_bytes(bundle.read_bytes() + b"more")
    with pytest.raises(CommandError):
        minisign.verify(bundle)


def test_the_builder_takes_what_minisign_signs(minisign: Minisign, bundle: Path) -> None:
    minisign.make_keys("-W")
    minisign.sign(bundle)
    require_signed(bundle, minisign.public)
    minisign.make_keys("-f", "-W")
    with pytest.raises(VerificationError, match="is signed with the key"):
        require_signed(bundle, minisign.public)


def test_a_key_with_a_password_signs(minisign: Minisign, bundle: Path) -> None:
    minisign.make_keys()
    with pytest.raises(BuilderError, match="the password is wrong"):
        sign_bundle(bundle, minisign.secret, password=lambda: "battery", now_s=EPOCH_S)
    sign_bundle(bundle, minisign.secret, password=lambda: WORDS, now_s=EPOCH_S)
    minisign.verify(bundle)


def test_parts_have_one_signature_that_is_the_whole_bundles(minisign: Minisign, bundle: Path, tmp_path: Path) -> None:
    minisign.make_keys("-W")
    sign_bundle(bundle, minisign.secret, password=no_password, now_s=EPOCH_S)
    data = bundle.read_bytes()
    bundle.unlink()
    first = write_bundle([tmp_path / "image"], bundle, epoch_s=EPOCH_S, part_bytes=3000)
    for part in bundle_files(first):
        assert signature_path(part) == bundle.with_name("app.tar.minisig")
        require_signed(part, minisign.public)
    bundle.write_bytes(data)
    minisign.verify(bundle)


def test_an_unsigned_bundle_is_refused(minisign: Minisign, bundle: Path) -> None:
    minisign.make_keys("-W")
    with pytest.raises(BuilderError, match=r"app\.tar\.minisig: No such file"):
        require_signed(bundle, minisign.public)
