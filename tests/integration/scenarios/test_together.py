"""Several scenarios in one `builder test`: side by side where the machine has cores for both, else one after the other."""

from pathlib import Path

import pytest

from builder.io.machine import machine_resources
from tests.integration.scenarios.test_scenarios import is_gone, run
from tests.integration.vm.guests import ECHO, say, write_guest

_ONE = """
title: a guest
machines:
  one: {{image: {image}, machine: q35-bios, memory: 64 MiB, cores: {cores}, disk: 4 MiB}}
steps:
  - boot: {{machines: [one], until: userspace}}
  - wait_s: 5
  - wait_s: 1
"""
_CORES = machine_resources().cores


def pair(directory: Path, cores: int) -> list[Path]:
    image = write_guest(directory / "guest.img", say("systemd[1]: up\r\n") + ECHO)
    files = [directory / f"{directory.name[-20:].replace('_', '-')}-{letter}.yaml" for letter in "ab"]
    for file in files:
        file.write_text(_ONE.format(image=image, cores=cores))
    return files


def order(directory: Path, files: list[Path], *options: str) -> list[str]:
    """Which scenario told something when: `a` or `b` for each line."""
    ran = run(*files, "--results", directory / "results", *options)
    assert ran.returncode == 0, ran.stderr
    assert sorted(ran.stdout.split()[1::4]) == [file.stem for file in files]
    assert all(map(is_gone, files))
    return [line.partition(":")[0][-1] for line in ran.stderr.splitlines()]


@pytest.mark.skipif(_CORES == 1, reason="there is one core for both")
def test_what_fits_runs_side_by_side(tmp_path: Path) -> None:
    told = order(tmp_path, pair(tmp_path, cores=1))
    assert told.index("b") < len(told) - 1 - told[::-1].index("a")


@pytest.mark.parametrize(("cores", "options"), [(_CORES, ()), (1, ("--jobs", "1"))], ids=["too many cores", "one job"])
def test_what_does_not_fit_waits(cores: int, options: tuple[str, ...], tmp_path: Path) -> None:
    told = order(tmp_path, pair(tmp_path, cores=cores), *options)
    assert told == sorted(told)
