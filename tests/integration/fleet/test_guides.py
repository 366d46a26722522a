"""The guides to trust and to first boot, word for word: by their operator, and on a controller."""

from pathlib import Path

import pytest

from tests.integration.docs.commands import blocks
from tests.integration.fleet.conftest import Bench
from tests.integration.fleet.reader import Reader, controller, new_reader, reachable_machine
from tests.integration.worker.machine import missing

TRUST, FIRST_BOOT = "docs/guides/trust.md", "docs/guides/first-boot.md"
GUIDES = (TRUST, FIRST_BOOT)


@pytest.fixture
def reader(bench: Bench) -> Reader:
    return new_reader(bench, "correct horse")


def test_trust(reader: Reader, bench: Bench, kedge: Path) -> None:
    if problem := missing():
        pytest.skip(problem)
    make, export, begin, kubeconfig, sign, cards, fleet, listen, pending, revoke, tell, rotate, store = blocks(TRUST)
    reader.types(make)
    assert sorted(reader.cluster.read().nodes) == ["barn", "field-1", "field-2"]
    executable = reader.place / "out/edge/armv7/kedge"
    executable.parent.mkdir(parents=True)
    executable.write_bytes(b"a version of kedge")
    reader.types(export + kubeconfig + sign + cards)
    assert "file:kedge" in executable.with_name("kedge.minisig").read_text()
    assert (reader.place / "mill.kubeconfig").exists()
    assert sorted(path.name for path in (reader.place / "overlays").iterdir()) == ["barn", "field-1", "field-2"]
    assert bench.files(reader.card) == ["EFI/", "credential.pem", "grub/", "node.yaml"]
    reader.types(fleet)
    assert bench.files(reader.place / "edge.img") == ["EFI/", "grub/", "node.yaml"]

    def there(block: str) -> str:
        """On the controller, where the archive was brought."""
        return block.replace("mill.tar", str(reader.place / "mill.tar"))

    with reachable_machine(bench.directory) as machine:
        with controller(machine, kedge, there(begin)) as path:
            kubectl = f"{path}; kedge kubectl"
            machine.run("sh", "-ec", there(listen))
            assert machine.run("sh", "-ec", f"{path}; {pending}").startswith("STATE")
            machine.run("sh", "-ec", f"{kubectl} create secret generic told --from-literal=a=b")
            reader.types(revoke)
            machine.run("sh", "-ec", there(tell))
        assert '"10000000c0ffee"' in (machine.data / "pki" / "fleet.json").read_text()
        assert '"field-2"' in (machine.data / "pki" / "revoked.json").read_text()
        reader.types(rotate)
        with controller(machine, kedge, there(begin)) as path:
            assert "secret/told replaced" in machine.run("sh", "-ec", f"{path}; {store}")


def test_first_boot(reader: Reader, bench: Bench) -> None:
    (make,) = blocks(FIRST_BOOT)
    reader.types("builder cluster init mill --endpoint mill.example.com")
    reader.types(make)
    image = reader.place / "edge.img"
    assert bench.files(image) == ["EFI/", "controller.tar", "grub/", "kedge.yaml", "node.yaml"]
    assert b'name: "barn"\nrole: single\n' in bench.read(image, "node.yaml")
