"""The documentation tells what is: every command in it is run somewhere, every table is the one of the code."""

import re
import subprocess

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from builder.cli.main import app
from builder.core.arch import Arch, host_arch
from tests import suite
from tests.integration.app.releases.test_guide import GUIDE as RELEASES
from tests.integration.app.test_scripts import SMALL
from tests.integration.docs.commands import ROOT, Documented, documented_commands, documents
from tests.integration.docs.test_airgap_guide import GUIDE as AIRGAP_GUIDE
from tests.integration.docs.test_learning_guide import LEARN
from tests.integration.docs.test_rootfs_guide import GUIDE
from tests.integration.flash.test_guide import FLASHING
from tests.integration.fleet.test_guides import GUIDES
from tests.integration.lab.test_guide import GUIDE as LABS
from tests.qemu import test_demo as demo

# Commands that only look; they are run here, in the checkout as it is.
_LOOKING = ("plan", "show", "validate", "doctor", "cache stats", "cache list", "--help", "--version")
_CHOOSING = {"--arch", "--board", "--set", "--target"}
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def is_looking(command: Documented) -> bool:
    return command.words[0] in {"./builderw", "builder"} and any(
        " ".join(command.words[1:]).startswith(word) for word in _LOOKING
    )


def is_run_by_a_row(command: Documented) -> bool:
    """Whether ./run-tests runs it: itself, one of its rows, or a build that does all of this and more."""
    name, *arguments = command.words
    if name == "./run-tests":
        return {*arguments} <= {"--all", *(row.name for row in suite.rows())}
    builds = [list(line[1:]) for row in suite.rows() for line in row.commands if line[0].endswith("/builderw")]
    if name != "./builderw" or arguments in builds:
        return name == "./builderw"
    archs = arguments[2::2]
    asks_for_archs = arguments[:1] == ["make"] and set(arguments[1::2]) == {"--arch"} and len(arguments) > 2
    return asks_for_archs and any(build[:1] == ["make"] and {*archs} <= {*build} & {*Arch} for build in builds)


def is_an_override(command: Documented) -> bool:
    """`builder make` with options that choose and change: that the recipe takes them is seen without building."""
    options = set(command.words[2::2])
    return command.words[:2] == ("builder", "make") and bool(options) and options <= _CHOOSING


def is_a_run(command: Documented) -> bool:
    """`builder run ...` that the command line takes; tests/integration/vm/test_run.py and tests/qemu run images."""
    if command.words[0] not in {"./builderw", "builder"} or command.words[1:2] != ("run",):
        return False
    commands = get_command(app)
    assert isinstance(commands, TyperGroup)
    commands.commands["run"].make_context("run", list(command.words[2:]))
    return True


# Those of these guides are about files that they have people write: test_rootfs_guide.py and test_airgap_guide.py follow them.
# Those about flashing need devices: tests/integration/flash/test_guide.py has some. The one about releases is followed by
# tests/integration/app/releases/test_guide.py, those about trust by tests/integration/fleet/test_guides.py,
# that about labs by tests/integration/lab/test_guide.py.
_FOLLOWED = {GUIDE, AIRGAP_GUIDE, FLASHING, LABS, RELEASES, *GUIDES}
COMMANDS = [command for command in documented_commands() if command.file not in _FOLLOWED]


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 9
    assert {command.file for command in COMMANDS} >= {"README.md", "docs/reference/recipe.md"}


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_is_known(command: Documented) -> None:
    known = is_looking(command) or is_run_by_a_row(command) or is_an_override(command) or command.text in SMALL
    known = known or command == LEARN or is_a_run(command) or list(command.words[1:]) in demo.commands()
    assert known, "run it in a test, or let a row of tests/suite.py run it"


@pytest.mark.parametrize("command", [one for one in COMMANDS if is_looking(one) or is_an_override(one)], ids=str)
def test_light_commands_work(command: Documented) -> None:
    arguments = ["plan" if word == "make" else word for word in command.words[1:]]
    done = subprocess.run(
        [str(ROOT / "builderw"), *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    # The doctor may find that something is missing on this machine; that is its job.
    assert done.returncode in ((0, 3) if "doctor" in arguments else (0,)), done.stderr
    assert done.stdout


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("./builderw make --arch armv7", True),
        ("./builderw make --arch armv7 --arch arm64", False),
        ("./builderw make --check-reproducible", True),
        ("./builderw make --fast", False),
        ("./run-tests lint unit", True),
        ("./run-tests speed", False),
        ("./builderw", False),
        ("rm -rf /", False),
    ],
)
def test_what_a_row_runs(text: str, known: bool) -> None:
    if "arm64" in text and host_arch() is Arch.ARM64:
        pytest.skip("here the rows build for this host, too")
    assert is_run_by_a_row(Documented(file="", words=tuple(text.split()))) is known


def test_the_table_of_rows_is_the_one_of_the_suite() -> None:
    assert suite.budget_table() in (ROOT / "docs/testing.md").read_text()


def test_the_budgets_add_up_to_what_is_promised() -> None:
    text = (ROOT / "docs/testing.md").read_text()
    promised = re.search(r"(\d+) in all", text)
    assert promised is not None
    reserved = sum(map(int, re.findall(r"\((\d+) minutes\)", text)))
    assert sum(row.budget_min for row in suite.rows() if not row.in_all) + reserved <= int(promised[1])


def test_every_link_leads_somewhere() -> None:
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents()
        for target in _LINK.findall(_CODE.sub("", document.read_text()))
        if not (document.parent / target).exists()
    ]
    assert broken == []
