"""What every command has in common: help, quiet and machine-readable forms, exit codes."""

import json
import subprocess
from dataclasses import replace

import jsonschema
import pytest

from builder.core.arch import ARCH_FACTS, Arch, host_arch
from builder.core.errors import ExitCode
from builder.version import VERSION
from tests.integration.app.checkout import REPOSITORY, Checkout
from tests.integration.app.checkout import replace as replace_text
from tests.integration.app.driver import Builder

COMMANDS = (
    "make", "plan", "validate", "show", "lock", "cache stats", "cache list", "cache gc", "cache verify", "tool", "doctor"
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_an_example(builder: Builder, command: str) -> None:
    text = " ".join(builder.good(*command.split(), "--help").out.split())
    assert f"Usage: builder {command} " in text
    assert "Example: builder " in text or "Examples: builder " in text
    assert f"builder {command.split(maxsplit=1)[0]} " in text.split("Example", 1)[1]


def test_the_help_names_every_command(builder: Builder) -> None:
    text = builder.good("--help").out
    for command in COMMANDS:
        assert f"  {command.split()[0]} " in text
    assert builder.good("-h").out == text


def test_the_version(builder: Builder) -> None:
    assert builder.good("--version").out == f"builder {VERSION}\n"


def test_validate(builder: Builder, checkout: Checkout) -> None:
    assert builder.good("validate").out == f"{checkout.recipe} is valid: 3 files, 2 architectures\n"
    replace_text(checkout.recipe, "armv7", "armv8")
    result = builder.run("validate")
    assert result.code == ExitCode.USAGE
    assert "recipes/edge.yaml:4:17: architectures[0]: " in result.err


def test_show_tells_values_and_where_they_were_written(builder: Builder) -> None:
    lines = [line.split() for line in builder.good("show", "--set", "cluster.version=7.0.0").out.splitlines()]
    assert ["name:", "edge", "#", "recipes/edge.yaml:3"] in lines
    assert ["memory:", "1", "GiB", "#", "recipes/cluster/tiny.yaml:14"] in lines
    assert ["version:", "7.0.0", "#", "--set", "cluster.version=7.0.0"] in lines
    shown = json.loads(builder.good("show", "--json", "--set", "cluster.version=7.0.0").out)
    assert shown["cluster"]["version"] == "7.0.0"
    assert shown["cluster"]["tags"] == [], "defaults are filled"


def test_every_event_fits_the_schema(builder: Builder, checkout: Checkout) -> None:
    schema = json.loads((REPOSITORY / "schemas/events.schema.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    good = builder.make()
    replace_text(checkout.main, "func main", "func mian")
    bad = builder.run("make", "--events", "json")
    assert bad.code == ExitCode.BUILD_FAILED
    for event in [*good.events, *bad.events]:
        assert [error.message for error in validator.iter_errors(event)] == [], event
    seen = {event["event"] for event in [*good.events, *bad.events]}
    assert seen >= {"plan", "step-started", "step-finished", "step-failed", "artifact", "build-finished"}


def test_quiet_says_nothing_when_all_is_well(builder: Builder, checkout: Checkout) -> None:
    result = builder.good("make", "-q", "--arch", "armv7")
    assert (result.out, result.err) == ("", "")
    replace_text(checkout.main, "func main", "func mian")
    failed = builder.run("make", "-q", "--arch", "armv7")
    assert failed.code == ExitCode.BUILD_FAILED
    assert "function main is undeclared in the main package" in failed.err
    assert "start " not in failed.err


def test_a_compilers_error_is_told_with_the_command(builder: Builder, checkout: Checkout) -> None:
    (checkout.cluster / "internal/version/broken.go").write_text('package version\n\nvar broken int = "text"\n')
    result = builder.run("make", "--arch", "armv7")
    assert result.code == ExitCode.BUILD_FAILED
    assert 'internal/version/broken.go:3:18: cannot use "text"' in result.err
    lines = result.err.splitlines()
    (command,) = [line for line in lines if line.startswith("cd ")]
    again = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert "internal/version/broken.go:3:18: cannot use" in again.stderr, "the command can be pasted"
    assert not builder.checkout.out.exists()


@pytest.mark.parametrize("arch", [Arch.ARMV7, Arch.AMD64])
def test_executables_are_of_their_architecture(builder: Builder, arch: Arch) -> None:
    builder.good("make", "-q", "--arch", arch)
    header = (builder.checkout.out / "edge" / arch / "tiny").read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    assert header[4] == (1 if arch is Arch.ARMV7 else 2), "32 or 64 bits"
    assert int.from_bytes(header[18:20], "little") == ARCH_FACTS[arch].elf_machine


def test_the_tool_is_the_go_of_the_lock(builder: Builder, checkout: Checkout) -> None:
    version = checkout.read_lock()["go"]["version"]
    goarch = ARCH_FACTS[host_arch()].goarch
    assert builder.good("tool", "go", "version").out == f"go version go{version} linux/{goarch}\n"
    assert builder.good("tool", "--directory", "cluster", "go", "list", "-m").out == "tiny\n"
    failed = builder.run("tool", "go", "no-such-command")
    assert failed.code == 2
    assert "unknown command" in failed.err


def test_doctor_looks_at_this_machine(builder: Builder) -> None:
    report = json.loads(builder.run("doctor", "--json").out)
    assert report
    result = builder.run("doctor")
    assert result.code in (ExitCode.OK, ExitCode.MISSING_TOOL)
    assert "This machine " in result.out


def test_a_build_works_in_any_directory_and_locale(builder: Builder, checkout: Checkout) -> None:
    strange = replace(builder, extra={"LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati", "COLUMNS": "20"})
    result = strange.run("make", "--arch", "armv7", "-q", cwd=checkout.root.parent)
    assert result.code == 0, result.err
    assert (checkout.out / "edge/armv7/tiny").exists()
