"""What `builder provision` takes, for one node and for a thousand."""

import struct
from collections.abc import Callable
from pathlib import Path

from benchmarks.process import run
from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.stats import interleave
from builder.image.layout import BOOT_BYTES, FAT32_LBA, FIRST_PARTITION_BYTES, SECTOR_BYTES
from builder.trust.age import new_identity, recipient_of

_ROUNDS = 5
_NODES = 1000
_ONE, _ONE_BY_IDENTITY, _ALL = "one node, by passphrase", "one node, by identity", f"{_NODES} nodes, by passphrase"
_ONE_LIMIT_S, _ALL_LIMIT_S = 1.0, 60.0


def measure(setting: Setting) -> Report:
    """Commands as somebody types them, each in a process of its own, on an image file."""
    with setting.place() as place:
        image = _image(setting, place)
        series = interleave(_cases(setting, place, image), setting.rounds or _ROUNDS)
    return Report(
        group="provision",
        figures=[
            Figure(name=_ONE, limit=_ONE_LIMIT_S, unit=Unit.SECONDS, series=series[_ONE]),
            Figure(name=_ALL, limit=_ALL_LIMIT_S, unit=Unit.SECONDS, series=series[_ALL]),
        ],
        measurements=[Measurement(name=name, unit=Unit.SECONDS, series=one) for name, one in series.items()],
        notes=[
            "Wall time of the command, from Python's start to the files read back.",
            "Stretching the passphrase is meant to take a quarter of a second on an idle machine.",
        ],
    )


def _cases(setting: Setting, place: Path, image: Path) -> dict[str, Callable[[], float]]:
    passphrase, identity = place / "passphrase", place / "identity"
    passphrase.write_text("correct horse\n")
    key = new_identity()
    identity.write_text(key)
    keys = {"mill": f"--passphrase-file={passphrase}", "yard": f"--identity={identity}"}
    nodes = [f"node-{number}" for number in range(_NODES)]
    builder = _builder(setting, place)
    builder("cluster", "init", "mill", "--endpoint=mill.example.com", keys["mill"])
    builder("cluster", "init", "yard", "--endpoint=a", f"--recipient={recipient_of(key, where='identity')}")
    builder("cluster", "add-node", "mill", *nodes)
    builder("cluster", "add-node", "yard", *nodes)
    made = 0

    def all_nodes() -> float:
        nonlocal made
        made += 1
        out = place / f"out-{made}"
        return builder("provision", str(image), "--cluster=mill", "--all", f"--out={out}", keys["mill"])

    def one(cluster: str) -> Callable[[], float]:
        return lambda: builder("provision", str(image), f"--cluster={cluster}", "--node=node-7", keys[cluster])

    return {_ONE: one("mill"), _ONE_BY_IDENTITY: one("yard"), _ALL: all_nodes}


def _builder(setting: Setting, place: Path) -> Callable[..., float]:
    environment = {**setting.environment, "PYTHONPATH": str(setting.project.root)}

    def call(*arguments: str) -> float:
        argv = [setting.python, "-P", "-m", "builder", *arguments, f"--clusters={place / 'clusters'}"]
        return run(argv, cwd=setting.project.root, env=environment).duration_s

    return call


def _image(setting: Setting, place: Path) -> Path:
    """An image with a boot partition like those of the builder's."""
    environment = {**setting.environment, "PYTHONPATH": str(setting.project.root)}
    boot, image = place / "boot", place / "card.img"
    with boot.open("xb") as stream:
        stream.truncate(BOOT_BYTES)
    for argv in (("mkfs.vfat", "-F", "32", "-s", "1", str(boot)), ("mmd", "-i", str(boot), "::grub")):
        run([setting.python, "-P", "-m", "builder", "tool", *argv], cwd=setting.project.root, env=environment)
    entry = struct.pack("<4xB3xII", FAT32_LBA, FIRST_PARTITION_BYTES // SECTOR_BYTES, BOOT_BYTES // SECTOR_BYTES)
    with image.open("xb") as stream:
        stream.write(bytes(446) + entry + bytes(48) + b"\x55\xaa")
        stream.seek(FIRST_PARTITION_BYTES)
        stream.write(boot.read_bytes())
    return image
