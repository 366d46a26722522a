"""Runs all tests in rows, each with a budget of minutes on 2 cores with an empty cache; the table stands in docs/testing.md."""

import argparse
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import Arch, host_arch

ROOT = Path(__file__).resolve().parents[1]
CLUSTER = ROOT / "cluster"
# The packages that link nothing of upstream. With all of Kubernetes to look through, staticcheck takes minutes.
_CHEAP_PACKAGES = (
    "./cmd/firstboot",
    "./internal/agentsigner", "./internal/airgap", "./internal/apicache", "./internal/apiconfig", "./internal/apiproxy",
    "./internal/apiwire", "./internal/argv", "./internal/artifacts",
    "./internal/backup", "./internal/binding", "./internal/bootstrap", "./internal/cli", "./internal/clock",
    "./internal/component", "./internal/config", "./internal/controller", "./internal/csr", "./internal/csrapprover",
    "./internal/database", "./internal/datadir", "./internal/enroller", "./internal/enrolment", "./internal/fetch",
    "./internal/firstboot", "./internal/fleet", "./internal/fleetlist",
    "./internal/golden", "./internal/heap",
    "./internal/images", "./internal/imagestore", "./internal/install", "./internal/kubeconfig",
    "./internal/layers", "./internal/layout", "./internal/manifests", "./internal/multicall", "./internal/nodecert",
    "./internal/nodeconfig", "./internal/nodeevent", "./internal/nodereset", "./internal/nodeupdate", "./internal/osupdate",
    "./internal/payload", "./internal/pending", "./internal/pki", "./internal/plan",
    "./internal/policy", "./internal/revocation", "./internal/revoker", "./internal/role", "./internal/rollout",
    "./internal/signature",
    "./internal/slots", "./internal/status", "./internal/supervise", "./internal/support", "./internal/sysinfo",
    "./internal/together", "./internal/token", "./internal/tunnel", "./internal/upgrade", "./internal/version",
    "./internal/versions", "./internal/wholefile", "./internal/words", "./internal/worker", "./internal/workerconfig",
)  # fmt: skip

_ROOTS = "tests/integration/roots"
_ROOTFS = ("tests/integration/rootfs", "tests/integration/tools")
_NODES = ("tests/integration/policy", "tests/integration/worker")
_LABS = ("tests/integration/lab", "tests/integration/scenarios")
# While one waits for what it has started, the other works; tests/conftest.py says what stays together.
_TWO_AT_ONCE = "--numprocesses=2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A group of commands. `in_all` marks what only `--all` runs; a budget of 0 says that nothing is promised."""

    name: str
    what: str
    budget_min: int
    commands: Sequence[Sequence[str]]
    in_all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a row went; `duration_s` is wall time."""

    row: Row
    ok: bool
    duration_s: float


def rows() -> tuple[Row, ...]:
    """All rows in the order in which they run: later ones use what earlier ones built."""
    host = host_arch()
    quick_archs = [option for arch in dict.fromkeys([Arch.ARMV7, host]) for option in ("--arch", arch)]
    return (
        Row(
            name="unit",
            what="unit, golden and contract tests",
            budget_min=3,
            commands=[_pytest("tests/unit", "tests/golden", "tests/contracts", _TWO_AT_ONCE)],
        ),
        Row(
            name="kedge",
            what="kedge and root file systems for armv7 and the host",
            budget_min=25,
            commands=[[str(ROOT / "builderw"), "make", *quick_archs]],
        ),
        Row(name="lint", what="lint and types", budget_min=6, commands=[*_python_lint(), *_go_lint()]),
        Row(
            name="control-plane",
            what="control plane, Go tests, builder with real tools",
            budget_min=25,
            commands=[
                _go("test", "-vet=off", "./..."),
                _pytest(
                    "tests/integration",
                    "-m",
                    "not slow",
                    _TWO_AT_ONCE,
                    *(f"--ignore={path}" for path in (_ROOTS, *_ROOTFS, *_NODES, *_LABS)),
                ),
            ],
        ),
        Row(
            name="nodes",
            what="workers that join and run pods, network policies with real packets",
            budget_min=10,
            commands=[_pytest(*_NODES, "-m", "not slow", _TWO_AT_ONCE)],
        ),
        Row(
            name="rootfs",
            what="root file systems for every architecture, tools, and mmdebstrap as the judge",
            budget_min=8,
            commands=[
                [str(ROOT / "builderw"), "make", "--target", "rootfs"],
                _pytest(*_ROOTFS, "-m", "not slow"),
            ],
        ),
        Row(
            name="roots",
            what="kedge in directories that hold nothing else",
            budget_min=3,
            commands=[_pytest(_ROOTS, "-m", "not slow")],
        ),
        Row(
            name="qemu-quick",
            what="an image for armv7 boots in QEMU twice",
            budget_min=8,
            commands=[_pytest("tests/qemu", "-m", "not slow")],
        ),
        Row(
            name="labs",
            what="labs and scenarios: whatever dies, nothing is left; a device becomes a cluster in QEMU",
            budget_min=16,
            commands=[_pytest(*_LABS, "-m", "not slow"), [str(ROOT / "builderw"), "test", "--tag", "quick"]],
        ),
        Row(
            name="all-archs",
            what="everything for every architecture, built twice and compared",
            budget_min=0,
            commands=[[str(ROOT / "builderw"), "make", "--check-reproducible"]],
            in_all=True,
        ),
        Row(
            name="slow",
            what="long tests and lints",
            budget_min=0,
            commands=[_staticcheck("./..."), _pytest("tests", "-m", "slow")],
            in_all=True,
        ),
    )


def budget_table() -> str:
    """The table of docs/testing.md."""
    lines = ["| row | what | minutes |", "|---|---|---|"]
    lines += [f"| `{row.name}` | {row.what} | {row.budget_min or '`--all` only'} |" for row in rows()]
    return "\n".join(lines) + "\n"


def _pytest(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "pytest", "--durations=15", *arguments]


def _go(*arguments: str) -> list[str]:
    return [str(ROOT / "builderw"), "tool", "--directory", str(CLUSTER), "go", *arguments]


def _go_tool(name: str, *arguments: str) -> list[str]:
    return _go("tool", "-modfile=tools/go.mod", name, *arguments)


def _silent(command: Sequence[str]) -> list[str]:
    """`command`, failing when it prints anything: gofumpt lists what is not formatted and succeeds all the same."""
    return ["/bin/sh", "-c", 'out=$("$@") && [ -z "$out" ] || { echo "$out"; exit 1; }', "sh", *command]


def _script(name: str) -> str:
    return str(Path(sysconfig.get_path("scripts")) / name)


def _python_lint() -> list[list[str]]:
    shell = [
        "builderw",
        "run-tests",
        "run-benchmarks",
        ".ci/run",
        "scripts/environment.sh",
        "recipes/image/init.sh",
        *_device_scripts(),
    ]
    return [
        [_script("ruff"), "check"],
        [_script("ruff"), "format", "--check"],
        [sys.executable, "-P", "-m", "mypy", "builder", "tests", "benchmarks"],
        [sys.executable, "-P", "-c", "from importlinter.cli import lint_imports_command as run; run()"],
        [_script("shellcheck"), "-x", *shell],
    ]


def _device_scripts() -> list[str]:
    """Scripts that run on devices: whatever may be executed there. Templates are none yet."""
    places = [*ROOT.glob("overlays/*/usr/lib/device/*"), *ROOT.glob("tests/qemu/overlay/usr/lib/test/*")]
    scripts = [path for path in places if path.stat().st_mode & stat.S_IXUSR and path.suffix != ".j2"]
    return sorted(str(path.relative_to(ROOT)) for path in scripts)


def _go_lint() -> list[list[str]]:
    vet = [_go("vet", "./..."), _go("vet", "-tags", "patched", "./cmd/cni")]
    return [*vet, _silent(_go_tool("gofumpt", "-l", ".")), _staticcheck(*_CHEAP_PACKAGES)]


def _staticcheck(*packages: str) -> list[str]:
    """Analysers see modules without kedge's patches, which the tag says to code that needs one."""
    return _go_tool("staticcheck", "-tags", "unpatched", *packages)


def _run(row: Row) -> Outcome:
    print(f"\n=== {row.name}: {row.what}", flush=True)
    environment = {**os.environ, "KEDGE": str(ROOT / "out" / "edge" / host_arch() / "kedge")}
    started_s = time.monotonic()
    ok = True
    for command in row.commands:
        print(f"$ {' '.join(command)}", flush=True)
        ok = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0 and ok
    return Outcome(row=row, ok=ok, duration_s=time.monotonic() - started_s)


def _report(outcomes: Sequence[Outcome]) -> None:
    print(f"\n{'row':15} {'result':8} {'minutes':>8} {'budget':>7}")
    for outcome in outcomes:
        budget = str(outcome.row.budget_min or "-")
        result = "passed" if outcome.ok else "FAILED"
        print(f"{outcome.row.name:15} {result:8} {outcome.duration_s / 60:8.1f} {budget:>7}")
    passed = sum(outcome.ok for outcome in outcomes)
    print(f"rows: {passed} passed, {len(outcomes) - passed} failed", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows that the command line asks for; 0 when all passed."""
    known = {row.name: row for row in rows()}
    parser = argparse.ArgumentParser(prog="./run-tests", description="Set up and run the project's tests.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"only these rows, of {', '.join(known)}")
    parser.add_argument("--all", action="store_true", help="everything long as well")
    wanted = parser.parse_args(arguments)
    unknown = [name for name in wanted.rows if name not in known]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[name] for name in wanted.rows] or [row for row in known.values() if wanted.all or not row.in_all]
    if shutil.which("git") is None:
        parser.error("git is not on the PATH; install it, for example: apt install git")
    outcomes = [_run(row) for row in chosen]
    _report(outcomes)
    return 0 if all(outcome.ok for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
