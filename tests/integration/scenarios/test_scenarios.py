"""`builder test` with guests of one sector: what passes, what fails, and what is told of it."""

import json
import os
import secrets
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from builder.app.project import find_project
from builder.io.detached import marked_processes
from builder.lab.end import MARKS
from builder.lab.place import labs_directory
from tests.integration.lab.commands import ROOT, environment
from tests.integration.vm.guests import ECHO, HALT, OFF, say, write_guest

_S = 300.0
MACHINES = """
title: two guests
tags: [quick]
networks:
  wire: {{kind: segment}}
machines:
  one: {{image: {image}, machine: q35-bios, memory: 64 MiB, cores: 1, disk: 4 MiB, networks: [wire]}}
  two: {{image: {image}, machine: q35-bios, memory: 64 MiB, cores: 1, disk: 4 MiB, networks: [wire]}}
steps:
"""


def write(directory: Path, steps: str, *, code: bytes = say("systemd[1]: up\r\n") + ECHO) -> Path:
    image = write_guest(directory / "guest.img", code)
    file = directory / f"s-{secrets.token_hex(4)}.yaml"
    file.write_text(MACHINES.format(image=image) + steps)
    return file


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-P", "-m", "builder", "test", *map(str, arguments)]
    return subprocess.run(
        words, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=_S
    )  # fmt: skip


def suite_of(place: Path) -> ET.Element:
    """The only suite in what was written to `results`."""
    return ET.parse(place / "results" / "junit.xml").getroot()[0]  # noqa: S314 - the builder wrote it


def is_gone(file: Path) -> bool:
    place = labs_directory(find_project(os.environ).cache) / f"test-{file.stem}"
    return not place.exists() and not marked_processes(MARKS, place)


def test_steps_go_well_one_after_the_other(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        r"""
  - boot: {machines: [one, two], until: userspace}
  - console: {machine: one, type: abc, says: a.c}
  - {cut: {machine: one}, within_s: 20}
  - heal: {machine: one, network: wire}
  - clock: {machine: two, shift_s: 3600}
  - clock: {machine: one, day: 1970-01-01}
  - power_cut: {machine: two, stay_off: true}
  - boot: {machines: [two], until: userspace}
  - wait_s: 1
""",
    )
    ran = run(file, "--results", tmp_path / "results")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(f"passed  {file.stem}  ")
    (result,) = json.loads((tmp_path / "results" / "results.json").read_text())
    assert [step["failure"] for step in result["steps"]] == [None] * 9
    assert [one["what"] for one in result["lab"]["happenings"] if one["what"].startswith("clock -")]
    assert [(boot["machine"], boot["number"]) for boot in result["lab"]["boots"]] == [
        ("one", 1),
        ("two", 1),
        ("two", 2),
    ]
    kept = tmp_path / "results" / file.stem
    assert (kept / "one.console.log").read_text().startswith("systemd[1]: up")
    suite = suite_of(tmp_path)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("9", "0", "0")
    page = (tmp_path / "results" / "timeline.html").read_text()
    assert "two guests" in page
    assert len(page.encode()) < 1 << 20
    assert is_gone(file)


def test_a_step_that_fails_is_told_with_everything(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
  - boot: {machines: [one], until: userspace}
  - {name: one lets people in, console: {machine: one, says: "login:"}, within_s: 1}
  - wait_s: 600
""",
    )
    ran = run(file, "--results", tmp_path / "results")
    assert ran.returncode == 4
    assert ran.stdout.startswith(f"FAILED  {file.stem}  ")
    assert "step 2: one lets people in" in ran.stderr
    assert "machine: one" in ran.stderr
    assert "expected: its console says login: within 1 s" in ran.stderr
    assert "the last lines of one's console:\n      systemd[1]: up" in ran.stderr
    suite = suite_of(tmp_path)
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert "1 more steps were not run" in (tmp_path / "results" / "timeline.html").read_text()
    assert is_gone(file)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (say("Kernel panic - not syncing: no root\r\n") + HALT, "found: Kernel panic - not syncing: no root"),
        (say("x\r\n") + OFF, "found: one is off"),
        (HALT, "found: one is at nothing yet"),
        # says x for ever
        (b"\xba\xf8\x03\xb0\x78\xee\xeb\xfb", "found: one is at firmware"),
    ],
    ids=["panics", "turns itself off", "hangs", "fills its console"],
)
def test_guests_in_trouble_end_a_step_in_time(code: bytes, found: str, tmp_path: Path) -> None:
    file = write(tmp_path, "  - {boot: {machines: [one], until: userspace}, within_s: 4}\n", code=code)
    ran = run(file, "--results", tmp_path / "results")
    assert ran.returncode == 4
    assert "expected: one reaches userspace within 4 s" in ran.stderr
    assert found in ran.stderr
    assert is_gone(file)


def test_mistakes_are_told_as_in_recipes_all_at_once(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
  - boot: {machines: [one, three], until: ready}
  - {wait_s: 0, within_s: soon}
  - {cut: {machine: one}, heal: {machine: one}}
  - {within_s: 5}
  - run: {machine: two, command: "true"}
  - console: {machine: one, says: "("}
  - clock: {machine: one}
  - clock: {machine: one, shift_s: 1, day: 1970-02-01}
  - clock: {machine: one, day: 1970-02-30}
  - provision: {machine: one, card_of: thre}
""",
    )
    ran = run(file)
    assert ran.returncode == 2
    lines = ran.stderr.splitlines()
    assert lines[0] == "error: no scenario was run"
    assert lines[-1] == "hint: docs/reference/lab.md explains every key"
    told = [line.strip().removeprefix(f"{file}:") for line in lines[1:-1]]
    assert [line.partition(": ")[2] for line in told] == [
        "steps[0].boot.machines[0]: one has no role: it becomes no node",
        "steps[0].boot.machines[1]: unknown machine 'three'; machines: one, two",
        "steps[1].wait_s: must be at least 1",
        "steps[1].within_s: must be a whole number, not the text 'soon'",
        "steps[2].heal: does cut and heal at once; make it 2 steps",
        f"steps[3]: does nothing: needs one of {', '.join(_ACTIONS)}",
        "steps[4].run.machine: two has no role: it becomes no node",
        "steps[5].console.says: is no regular expression: missing ), unterminated subpattern at position 0",
        "steps[6].clock: needs either shift_s or day",
        "steps[7].clock: needs either shift_s or day",
        "steps[8].clock.day: must be a day such as 1970-01-01",
        "steps[9].provision.machine: one has no role: it becomes no node",
        "steps[9].provision.card_of: unknown machine 'thre'; machines: one, two",
    ]


_ACTIONS = ("boot", "power_cut", "cut", "heal", "clock", "provision", "kubectl", "run", "console", "expect", "wait_s")


def test_scenarios_are_chosen_by_name_and_tag(tmp_path: Path) -> None:
    file = write(tmp_path, "  - wait_s: 1\n")
    assert run(file, "--check").stdout == f"{file}: 1 steps, tags: quick\n"
    assert "no scenario has the tag slow" in run(file, "--check", "--tag", "slow").stderr
    unknown = run("nobody", "--check")
    assert unknown.returncode == 2
    assert "there is no scenario 'nobody'" in unknown.stderr


def test_a_scenario_that_was_killed_is_cleaned_up_by_the_next_run_of_it(tmp_path: Path) -> None:
    file = write(tmp_path, "  - boot: {machines: [one], until: userspace}\n  - wait_s: 600\n")
    words = [sys.executable, "-P", "-m", "builder", "test", str(file), "--results", str(tmp_path / "results")]
    with subprocess.Popen(words, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True) as killed:
        assert killed.stderr is not None
        while "wait 600 s" not in killed.stderr.readline():
            assert killed.poll() is None
        # As long as it goes on, another one is refused.
        second = run(file, "--results", tmp_path / "others")
        assert "there is a lab" in second.stderr
        killed.kill()
    assert not is_gone(file)
    file.write_text(file.read_text().replace("wait_s: 600", "wait_s: 1"))
    again = run(file, "--results", tmp_path / "results")
    assert again.returncode == 0, again.stderr
    assert is_gone(file)


def test_a_lab_that_dies_is_an_error_of_its_scenario(tmp_path: Path) -> None:
    file = write(tmp_path, "  - boot: {machines: [one], until: userspace}\n  - wait_s: 600\n")
    words = [sys.executable, "-P", "-m", "builder", "test", str(file), "--results", str(tmp_path / "results")]
    with subprocess.Popen(words, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True) as testing:
        assert testing.stderr is not None
        while "wait 600 s" not in testing.stderr.readline():
            assert testing.poll() is None
        state = labs_directory(find_project(os.environ).cache) / f"test-{file.stem}" / "state.json"
        os.kill(json.loads(state.read_text())["supervisor"]["pid"], signal.SIGKILL)
        told = testing.stderr.read()
        assert testing.wait() == 4
    assert "its supervisor is gone" in told
    assert suite_of(tmp_path).get("errors") == "1"
    assert is_gone(file)


def test_a_lab_that_cannot_be_made_is_an_error_of_its_scenario(tmp_path: Path) -> None:
    file = write(tmp_path, "  - wait_s: 1\n")
    file.write_text(file.read_text().replace("memory: 64 MiB", "memory: 64 TiB"))
    ran = run(file, "--results", tmp_path / "results")
    assert ran.returncode == 4
    assert "of memory together" in ran.stderr
    suite = suite_of(tmp_path)
    assert suite.get("errors") == "1"


def test_the_project_s_own_scenarios_can_be_read() -> None:
    ran = run("--check")
    assert ran.returncode == 0, ran.stderr
