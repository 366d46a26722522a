"""The guide to labs, command by command, with guests of one sector in the place of devices.

What needs a node is run by tests/qemu/test_lab.py, with the real pair.
"""

import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.lab.end import end_lab
from tests.integration.docs.commands import documented_commands
from tests.integration.lab.commands import ROOT, TIMEOUT_S, Desk, environment
from tests.integration.vm.guests import ECHO, say, write_guest

GUIDE = "docs/guides/lab.md"
_PAIR, _OWN_SCENARIO = "recipes/labs/pair.yaml", "my/uplink.yaml"
# They need kedge in a guest, or an image that a row of tests/suite.py builds.
NEEDS_NODES = ("lab kubectl", "lab run", "lab ssh")
NEEDS_IMAGES = ("make", "test --tag")
_LAB = """
networks: {{uplink: {{kind: nat}}}}
machines:
  barn: {{image: {image}, machine: q35-bios, memory: 64 MiB, cores: 1, disk: 4 MiB, networks: [uplink]}}
  field-1: {{image: {image}, machine: q35-bios, memory: 64 MiB, cores: 1, disk: 4 MiB, networks: [uplink]}}
"""
_SCENARIO = "lab: {lab}\nsteps: [{{boot: {{machines: [barn], until: userspace}}}}]\n"


def commands() -> list[list[str]]:
    """The guide's commands of the builder, without its name, and the end of the lab behind all others."""
    found = [list(command.words[1:]) for command in documented_commands() if command.file == GUIDE]
    return sorted(found, key=lambda words: words == ["lab", "down"])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    image = write_guest(tmp_path / "guest.img", say("systemd[1]: up\r\n") + ECHO)
    desk = Desk(name=f"guide-{secrets.token_hex(4)}", file=tmp_path / "pair.yaml")
    desk.file.write_text(_LAB.format(image=image))
    (tmp_path / "uplink.yaml").write_text(_SCENARIO.format(lab=desk.file))
    yield desk
    if desk.place.path.exists():
        end_lab(desk.place)


def test_the_guide(desk: Desk, tmp_path: Path) -> None:
    places = {_PAIR: str(desk.file), _OWN_SCENARIO: str(tmp_path / "uplink.yaml"), "results": str(tmp_path / "results")}
    ran = []
    for words in commands():
        text = shlex.join(words)
        if text.startswith((*NEEDS_NODES, *NEEDS_IMAGES)):
            continue
        argv = [places.get(word, word) for word in words]
        if argv[:2] == ["lab", "up"]:
            argv += ["--name", desk.name]
        elif argv[0] == "lab" and argv[1] != "list":
            argv[2:2] = ["--lab", desk.name]
        done = subprocess.run(
            [sys.executable, "-P", "-m", "builder", *argv],
            cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stderr}"
        ran.append(" ".join(words[:2]))
    assert ran[0] == "lab up"
    assert ran[-1] == "lab down"
    assert len(ran) >= 14
    assert desk.left() == []


def test_what_needs_nodes_is_in_the_guide() -> None:
    texts = [shlex.join(words) for words in commands()]
    assert [text for text in texts if text.startswith(NEEDS_NODES)] == [
        "lab kubectl -- get nodes -o wide",
        "lab run field-1 -- uname -m",
        "lab ssh field-1 -- uname -m",
    ]
