"""An image out of Debian's packages: it runs with what is in it, and says what that is."""

import io
import json
import os
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from builder.app.locking import LockRequest, update_lock
from builder.app.make import targets_of
from builder.app.session import Session
from builder.app.wanted import Wanted
from builder.app.workspace import Workspace, open_workspace
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.exec.result import StepsFailedError
from builder.oci.layout import open_layout
from builder.oci.stream import decompressed

ROOT = Path(__file__).parents[3]
ARCHS = ("amd64", "armv7")
CURL = "samples.local+curl+1.0.0.cdx.json"


@pytest.fixture(scope="module")
def workspace(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A recipe of the example alone, locked now."""
    place = tmp_path_factory.mktemp("curl")
    (place / "kedge").write_bytes(b"never looked at")
    digest = Digest.of_file(place / "kedge").hex
    parts = ("toolchains", "debian", "debian/rootfs", "images/curl")
    recipe = {
        "extends": [str(ROOT / f"recipes/{part}.yaml") for part in parts],
        "name": "layers",
        "architectures": list(ARCHS),
        "outputs": ["bundle"],
        "cluster": {
            "name": "kedge",
            "version": "1.0.0",
            "executables": {arch: {"file": "kedge", "sha256": digest} for arch in ARCHS},
        },
    }
    (place / "layers.yaml").write_text(json.dumps(recipe))
    pins = json.loads((ROOT / "recipes/edge.lock").read_text())
    kept = {key: pins[key] for key in ("lock", "epoch_s", "go", "wheels")}
    (place / "layers.lock").write_text(json.dumps(kept))
    request = LockRequest(
        recipe=place / "layers.yaml", overrides=(), lock_file=None, parts=frozenset(), now_s=int(time.time())
    )
    try:
        update_lock(session, request)
    except BuilderError as error:
        pytest.skip(f"packages cannot be had: {error.brief}; {'; '.join(map(str, error.details))}")
    return open_workspace(place / "layers.yaml", ())


@pytest.fixture(scope="module")
def bundles(session: Session, workspace: Workspace) -> dict[str, Path]:
    """The directory of each architecture's bundle."""
    targets = targets_of(workspace, Wanted())
    built = session.build([target.step for target in targets])
    return {target.arch: built.output(target.step) for target in targets}


def layer(directory: Path) -> tarfile.TarFile:
    (bundle,) = directory.glob("*.tar")
    layout = open_layout(bundle)
    manifest = layout.document(f"blobs/{layout.document('index.json')['manifests'][0]['digest'].replace(':', '/')}")
    span = layout.blob(manifest["layers"][0]["digest"])
    assert span is not None
    return tarfile.open(fileobj=io.BytesIO(b"".join(decompressed(span))))


def test_nothing_else_of_debian_is_in_it(bundles: dict[str, Path]) -> None:
    for directory in bundles.values():
        with layer(directory) as tar:
            names = set(tar.getnames())
        assert {"usr/bin/curl", "etc/ssl/certs/ca-certificates.crt", "usr/share/doc/curl/copyright"} <= names
        programs = {name for name in names if name.startswith(("usr/bin/", "usr/sbin/"))} - {"usr/bin/curl"}
        assert programs == set()
        assert not any(name.startswith(("usr/share/man", "var/lib/dpkg/info", "usr/share/locale")) for name in names)


def test_its_bill_names_the_packages_that_it_has_files_of(bundles: dict[str, Path], workspace: Workspace) -> None:
    assert workspace.lock.debian is not None
    for arch, directory in bundles.items():
        bill = json.loads((directory / CURL).read_bytes())
        found = {one["name"]: one["version"] for one in bill["components"]}
        (locked,) = [one for name, one in workspace.lock.debian.layers.items() if name == arch]
        pinned = {pin.name: pin.version for pin in locked["curl/debian"].packages}
        assert {"curl", "libc6", "ca-certificates"} <= found.keys() < pinned.keys()
        assert found.items() <= pinned.items()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs chroot(2)")
def test_it_runs_on_its_own(bundles: dict[str, Path], tmp_path: Path) -> None:
    with layer(bundles["amd64"]) as tar:
        tar.extractall(tmp_path, filter="tar")
    tmp_path.chmod(0o755)
    command = ["chroot", "--userspec=65535:65535", str(tmp_path), "/usr/bin/curl"]
    told = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.startswith("curl 8.")
    # TLS is there with its authorities: without them curl ends with 77 before it connects (CURLE_SSL_CACERT_BADFILE).
    failed = subprocess.run([*command, "https://127.0.0.1:1"], capture_output=True, text=True, check=False, timeout=60)
    assert failed.returncode == 7, failed.stderr


def test_what_packages_do_not_have_fails_the_build(session: Session, workspace: Workspace) -> None:
    path = workspace.loaded.files[0]
    wrong = open_workspace(path, ("images.curl.layers.debian.keep=[/usr/bin/curl, /usr/bin/wget]",))
    with pytest.raises(StepsFailedError) as caught:
        session.build([target.step for target in targets_of(wrong, Wanted())])
    for failure in caught.value.result.failures:
        assert failure.error.details == ("/usr/bin/wget: there is no such file",)
