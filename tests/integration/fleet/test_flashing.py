"""Devices that are flashed and become nodes in the same go."""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import zstandard

from builder.app.clusters.nodes import add_nodes, revoke_nodes
from builder.app.provision.work import Provisioner
from builder.core.errors import ExitCode
from builder.fleet.endpoints import Endpoint
from builder.fleet.role import Role
from builder.formats.blockmap import BLOCK_BYTES
from tests.integration.flash.faulty import Faults, faulty_file
from tests.integration.flash.loops import MIB, ROOT, card, environment, loop, run
from tests.integration.flash.manifests import describe
from tests.integration.flash.test_guide import lines
from tests.integration.flash.test_resume import kill_when_noted
from tests.integration.fleet.conftest import Bench
from tests.integration.fleet.test_devices import needs_loops, write_map
from tests.integration.trust import make_trust, now

__all__ = ["needs_loops"]
NODES = ("field-1", "field-2")
DIRECTORY = "generic-amd64"


@pytest.fixture
def work(tmp_path: Path) -> Provisioner:
    cluster, unlocking = make_trust(tmp_path, Endpoint.parse("home.example.com"))
    add_nodes(cluster, ["barn"], Role.CONTROLLER, now=now())
    add_nodes(cluster, NODES, Role.WORKER, now=now())
    return Provisioner(directory=cluster, unlocking=unlocking, now=now())


@pytest.fixture
def image(bench: Bench, tmp_path: Path) -> Path:
    """A compressed image as `builder make` leaves it: with its block map, which leaves out all that is free, and a manifest."""
    plain = bench.card()
    target = tmp_path / "out" / DIRECTORY / "x.img.zst"
    target.parent.mkdir(parents=True)
    write_map(plain).rename(target.with_name("x.img.bmap"))
    target.write_bytes(zstandard.compress(plain.read_bytes(), 1))
    describe(target)
    return target


def command(work: Provisioner, image: Path, cards: dict[Path, Path], nodes: Sequence[str], *more: str) -> list[str]:
    """The command that makes the devices `cards`, by their files, these nodes."""
    argv = [sys.executable, "-P", "-m", "builder", "flash", str(image), *map(str, cards), "--yes"]
    for device, file in cards.items():
        argv += ["--serial", str(file), "--even-if", f"{device.name}:not-removable"]
    argv += ["--cluster", work.directory.path.name, "--clusters", str(work.directory.path.parent)]
    argv += [word for node in nodes for word in ("--provision", node)]
    return [*argv, "--identity", str(work.unlocking.identity_file), *more]


def credentials(work: Provisioner) -> dict[str, int]:
    return {name: len(node.credentials) for name, node in work.directory.read().nodes.items()}


def size_of(image: Path) -> int:
    return zstandard.frame_content_size(image.read_bytes()) if image.suffix == ".zst" else image.stat().st_size


def test_the_guide(bench: Bench, work: Provisioner, image: Path) -> None:
    """Its command, with loop devices for the cards and what a script has to say."""
    (line,) = lines()[1]
    files = [card(bench.directory / f"device{number}", size_of(image)) for number in range(2)]
    with ExitStack() as stack:
        cards = {stack.enter_context(loop(file)): file for file in files}
        first, second = map(str, cards)
        places = {"out/edge/armv7/image/bananapi-m2-ultra": str(image.parent), "/dev/sdb": first, "/dev/sdc": second}
        places |= {"home": work.directory.path.name}
        words = [places.get(word, word) for word in line.split()]
        ours = command(work, image, cards, [])
        more = [*ours[ours.index("--yes") : ours.index("--cluster")], *ours[ours.index("--clusters") :]]
        assert words.pop(0) == "builder"
        done = run([sys.executable, "-P", "-m", "builder", *words, *more], bench.directory / "cache")
    assert done.returncode == 0, done.stderr
    for file, name in zip(files, NODES, strict=True):
        assert f'name: "{name}"'.encode() in bench.read(file, "node.yaml")


@pytest.mark.parametrize("unmapped", ["discard", "zero"])
def test_each_device_becomes_a_node_of_its_own(bench: Bench, work: Provisioner, image: Path, unmapped: str) -> None:
    files = [card(bench.directory / f"device{number}", size_of(image)) for number in range(3)]
    before = image.read_bytes()
    with ExitStack() as stack:
        cards = {stack.enter_context(loop(file)): file for file in files}
        argv = command(work, image, cards, ("field-2", "barn", "field-1"), "--unmapped", unmapped)
        done = run(argv, bench.directory / "cache")
        said = [f"{device}: " for device in cards]
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert all(line.startswith(start) for line, start in zip(lines, said, strict=True))
    assert [line.split("written, as ")[1] for line in lines] == [
        f"{name}; read back and equal" for name in ("field-2", "barn", "field-1")
    ]
    for file, name in zip(files, ("field-2", "barn", "field-1"), strict=True):
        assert f'name: "{name}"'.encode() in bench.read(file, "node.yaml")
        bench.check(file)
    assert bench.files(files[0]) == ["EFI/", "credential.pem", "grub/", "node.yaml"]
    assert bench.files(files[1]) == ["EFI/", "controller.tar", "grub/", "kedge.yaml", "node.yaml"]
    assert bench.read(files[0], "credential.pem") != bench.read(files[2], "credential.pem")
    assert credentials(work) == {"barn": 0, "field-1": 1, "field-2": 1}
    assert image.read_bytes() == before


def test_a_cut_is_gone_on_from_and_the_last_credential_counts(bench: Bench, work: Provisioner, image: Path) -> None:
    faults, cache = Faults(bytes_per_s=0.4 * MIB), bench.directory / "cache"
    with (
        faulty_file(bench.directory / "faulty", size_of(image), faults) as file,
        loop(file.path, "--direct-io=on") as device,
    ):
        argv = command(work, image, {device: file.path}, ["field-1"])
        kill_when_noted(argv, cache)
        written: list[int] = []
        faults.bytes_per_s, faults.on_write = 0.0, written.append
        again = run(argv, cache)
        assert again.returncode == 0, again.stderr
        assert "as field-1, " in again.stdout
        assert "of it by an earlier try; read back and equal" in again.stdout
        # The partition table is in the first blocks, and those were there.
        assert 0 not in written
        found = bench.directory / "found"
        found.write_bytes(file.content(0, size_of(image)))

        # Another node begins at the beginning.
        written.clear()
        argv = command(work, image, {device: file.path}, ["field-2"])
        assert run(argv, cache).returncode == 0
        assert 0 in written
    bench.check(found)
    assert credentials(work) == {"barn": 0, "field-1": 2, "field-2": 1}


def changed_and_not_mapped(bench: Bench, work: Provisioner) -> int:
    """A byte that provisioning writes, and the image's map leaves out."""
    plain, copy = bench.card("plain.img"), bench.card("copy.img")
    work.one(copy, "field-1")
    old, new = plain.read_bytes(), copy.read_bytes()
    blocks = range(0, len(old), BLOCK_BYTES)
    empty = (at for at in blocks if not any(old[at : at + BLOCK_BYTES]) and any(new[at : at + BLOCK_BYTES]))
    return next(empty)


def test_what_a_device_spoils_of_the_nodes_files_is_found(bench: Bench, work: Provisioner, image: Path) -> None:
    place = changed_and_not_mapped(bench, work)
    faults = Faults(corrupts_at=place + 7)
    with (
        faulty_file(bench.directory / "faulty", size_of(image), faults) as file,
        loop(file.path, "--direct-io=on") as device,
    ):
        done = run(command(work, image, {device: file.path}, ["field-1"]), bench.directory / "cache")
    assert done.returncode == ExitCode.VERIFICATION_FAILED, done.stderr
    first, last = (int(word) for word in done.stderr.split("bytes ")[1].split(" differ")[0].split(" to "))
    assert first <= place + 7 <= last
    assert "equal" not in done.stdout + done.stderr


def refuse(bench: Bench, work: Provisioner, image: Path, nodes: Sequence[str], *more: str) -> str:
    file = card(bench.directory / "device", size_of(image))
    with loop(file) as device:
        done = run(command(work, image, {device: file}, nodes, *more), bench.directory / "cache")
    assert done.returncode in (ExitCode.USAGE, ExitCode.BUILD_FAILED), done.stderr
    assert "unexpected" not in done.stderr
    assert file.read_bytes() == b"\xa5" * size_of(image)
    assert credentials(work) == dict.fromkeys(("barn", *NODES), 0)
    return done.stderr


@pytest.mark.parametrize(
    ("nodes", "problem"),
    [
        (["field-3"], "has no such node"),
        (NODES, "2 nodes of"),
        ([], "0 nodes of"),
    ],
)
def test_nodes_that_are_not_one_for_each_device(
    bench: Bench, work: Provisioner, image: Path, nodes: Sequence[str], problem: str
) -> None:
    assert problem in refuse(bench, work, image, nodes)


def test_a_node_for_two_devices(bench: Bench, work: Provisioner, image: Path) -> None:
    files = [card(bench.directory / f"device{number}", size_of(image)) for number in range(2)]
    with ExitStack() as stack:
        cards = {stack.enter_context(loop(file)): file for file in files}
        done = run(command(work, image, cards, ["field-1", "field-1"]), bench.directory / "cache")
    assert done.returncode == ExitCode.USAGE
    assert "field-1: named twice" in done.stderr
    assert all(file.read_bytes() == b"\xa5" * size_of(image) for file in files)


def test_a_revoked_node(bench: Bench, work: Provisioner, image: Path) -> None:
    revoke_nodes(work.directory, ["field-1"], now=now())
    assert "field-1 was revoked on" in refuse(bench, work, image, ["field-1"])


def test_keys_of_somebody_else(bench: Bench, work: Provisioner, image: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    _, other = make_trust(tmp_path / "elsewhere", Endpoint.parse("home.example.com"))
    assert "keys-1.age cannot be decrypted" in refuse(
        bench, work, image, ["field-1"], "--identity", str(other.identity_file)
    )


def test_a_node_of_another_board(bench: Bench, work: Provisioner, image: Path) -> None:
    file = work.directory.node("field-1")
    file.write_text(file.read_text() + "board: raspberry-pi-4\n")
    said = refuse(bench, work, image, ["field-1"])
    assert f"board: raspberry-pi-4, and {image} is for {DIRECTORY} (amd64)" in said
    image.with_name("manifest.json").unlink()
    assert "nothing says which board" in refuse(bench, work, image, ["field-1"])


@pytest.mark.parametrize(("node", "tag"), [("barn", "without_controller"), ("field-1", "without_worker")])
def test_an_image_that_lacks_what_the_node_is(
    bench: Bench, work: Provisioner, image: Path, node: str, tag: str
) -> None:
    describe(image, ["nri_no_wasm", tag])
    assert f"the kedge in {image} was made with {tag}" in refuse(bench, work, image, [node])


def test_a_boot_partition_that_is_full(bench: Bench, work: Provisioner, image: Path) -> None:
    plain = bench.card("full.img")
    line = bench.mtools("mdir", plain, "::").strip().splitlines()[-1]
    bench.add(plain, "filler", bytes(int("".join(letter for letter in line if letter.isdigit()))))
    image.write_bytes(zstandard.compress(plain.read_bytes(), 1))
    image.with_name("x.img.bmap").unlink()
    write_map(plain).rename(image.with_name("x.img.bmap"))
    describe(image)
    assert "the FAT partition is full" in refuse(bench, work, image, ["field-1"])


def test_an_image_that_is_not_of_builders(bench: Bench, work: Provisioner) -> None:
    plain = bench.card("other.img")
    bench.mtools("mdeltree", plain, "::grub")
    write_map(plain)
    assert "no card or image of builder's" in refuse(bench, work, plain, ["field-1"])


@pytest.mark.parametrize("passphrase", ["correct horse", "another horse"])
def test_the_passphrase_comes_from_standard_input(bench: Bench, image: Path, passphrase: str) -> None:
    where = bench.directory / "other-clusters"

    def builder(*argv: str, stdin: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "builder", *argv, f"--clusters={where}"],
            input=stdin,
            capture_output=True,
            text=True,
            env=environment(bench.directory / "cache"),
            cwd=ROOT,
            check=False,
        )

    given = "correct horse"
    made = builder("cluster", "init", "home", "--endpoint=a.example.com", "--passphrase-file=-", stdin=given)
    assert made.returncode == 0, made.stderr
    assert builder("cluster", "add-node", "home", "field-1", stdin="").returncode == 0
    file = card(bench.directory / "device", size_of(image))
    with loop(file) as device:
        argv = ["flash", str(image), str(device), "--yes", "--serial", str(file)]
        argv += ["--even-if", f"{device.name}:not-removable", "--passphrase-file=-"]
        done = builder(*argv, "--cluster=home", "--provision=field-1", stdin=f"{passphrase}\n")
    if passphrase == given:
        assert done.returncode == 0, done.stderr
        assert b'name: "field-1"' in bench.read(file, "node.yaml")
    else:
        assert "the passphrase is wrong" in done.stderr
        assert file.read_bytes() == b"\xa5" * size_of(image)
    assert passphrase not in done.stderr + done.stdout
