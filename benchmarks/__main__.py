"""`python -P -m benchmarks`: measures, prints, and updates docs/benchmarks.md."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.document import Causes, read_causes, render_section, render_text, updated_page
from benchmarks.groups import (
    airgap,
    alone,
    boot,
    cold,
    controller,
    device,
    docker,
    flash,
    footprint,
    idle,
    image,
    incremental,
    lists,
    memory,
    nodes,
    plan,
    pods,
    policies,
    provision,
    release,
    requests,
    resident,
    rootfs,
    separation,
    shared,
    sizes,
    slim,
    start,
    weight,
    worker,
)
from benchmarks.machine import Circumstances, describe_commit, describe_machine, load_average
from benchmarks.report import Report
from benchmarks.setting import Edit, Setting, default_scratch
from builder.app.project import DEFAULT_RECIPE, Project, find_project
from builder.core.arch import Arch
from builder.core.digest import Json
from builder.core.errors import BuilderError
from builder.io.files import atomic_write

# In the order in which they stand on the page.
GROUPS: Mapping[str, Callable[[Setting], Report]] = {
    "start": start.measure,
    "plan": plan.measure,
    "cold": cold.measure,
    "incremental": incremental.measure,
    "memory": memory.measure,
    "rootfs": rootfs.measure,
    "slim": slim.measure,
    "image": image.measure,
    "airgap": airgap.measure,
    "boot": boot.measure,
    "device": device.measure,
    "flash": flash.measure,
    "provision": provision.measure,
    "release": release.measure,
    "docker": docker.measure,
    "shared": shared.measure,
    "sizes": sizes.measure,
    "weight": weight.measure,
    "pods": pods.measure,
    "resident": resident.measure,
    "controller": controller.measure,
    "idle": idle.measure,
    "requests": requests.measure,
    "nodes": nodes.measure,
    "policies": policies.measure,
    "footprint": footprint.measure,
    "worker": worker.measure,
    "lists": lists.measure,
    "separation": separation.measure,
    "alone": alone.measure,
}
_HINTS = """\
groups: start (1 minute), plan (1 minute), incremental (3 minutes), memory (1 minute),
rootfs (15 minutes; needs a mirror of Debian), slim (8 minutes; the same), image (6 minutes; the same), device (1 minute),
airgap (2 minutes), boot (30 minutes),
flash (3 minutes; needs root, and bmaptool to compare with), provision (2 minutes),
release (2 minutes; makes what the recipe asks for first), docker (10 minutes; needs a Docker daemon),
shared (40 minutes, 30 GB of disk),
weight (2 minutes), sizes (20 minutes),
pods (15 minutes; needs QEMU and a mirror of Debian), resident (10 minutes),
controller (3 minutes), idle (80 minutes), requests (8 minutes), nodes (6 minutes), policies (4 minutes; needs root),
footprint (7 minutes; needs root), worker (45 minutes),
lists (5 minutes; needs root), separation (15 minutes; needs root), alone (80 minutes; needs root),
cold (an hour of two cores on a quiet machine, a network, 15 GB of disk). Without a group: all.
"""
_PAGE = Path("docs", "benchmarks.md")
_CAUSES = Path("benchmarks", "causes.toml")
# A string that is compiled into kedge, in a package that nothing but its main package imports.
_EDIT = Edit(path="internal/cli/cli.go", text="A component runs as")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the groups that the command line asks for."""
    options = _parser().parse_args(arguments)
    unknown = [name for name in options.groups if name not in GROUPS]
    if unknown:
        _parser().error(f"no such group: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    try:
        _measure(options)
    except BuilderError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run-benchmarks",
        description="Measure what the builder costs.",
        epilog=_HINTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"only these, of {', '.join(GROUPS)}")
    parser.add_argument("--write", action="store_true", help=f"update {_PAGE}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured to FILE")
    parser.add_argument("--rounds", type=int, metavar="N", help="repetitions; each group has its own default")
    parser.add_argument("--recipe", default=DEFAULT_RECIPE, help="name of a recipe, or the path of a .yaml file")
    parser.add_argument("--arch", type=Arch, choices=list(Arch), default=Arch.ARMV7, help="where one is measured")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="for clones and caches; default: in the cache")
    parser.add_argument(
        "--edit", nargs=2, metavar=("FILE", "TEXT"), help="the line that `incremental` changes: a file of the Go module"
    )
    return parser


def _measure(options: argparse.Namespace) -> None:
    project = find_project(os.environ)
    setting = _setting(project, options)
    causes = read_causes(project.root / _CAUSES)
    machine, commit = describe_machine(project.cache), describe_commit(project.root, os.environ)
    results: list[Json] = []
    for name in options.groups or GROUPS:
        circumstances = Circumstances(machine=machine, at=datetime.now(UTC), commit=commit, load=load_average())
        report = GROUPS[name](setting)
        sys.stdout.write(f"{render_text(report)}\n")
        results.append({**circumstances.to_json(), **report.to_json()})
        # After each group, so that what took long is kept when a later one fails.
        if options.json:
            atomic_write(options.json, f"{json.dumps(results, indent=2)}\n".encode())
        if options.write:
            _write(project.root / _PAGE, report, circumstances, causes)


def _setting(project: Project, options: argparse.Namespace) -> Setting:
    recipe = str(Path(options.recipe).absolute()) if options.recipe.endswith((".yaml", ".yml")) else options.recipe
    return Setting(
        project=project,
        environment=os.environ,
        python=sys.executable,
        scratch=(options.scratch or default_scratch(project.cache)).absolute(),
        recipe=recipe,
        arch=options.arch,
        edit=Edit(path=options.edit[0], text=options.edit[1]) if options.edit else _EDIT,
        rounds=options.rounds,
    )


def _write(page: Path, report: Report, circumstances: Circumstances, causes: Causes) -> None:
    section = render_section(report, circumstances, causes.get(report.group, {}))
    before = page.read_text() if page.exists() else ""
    atomic_write(page, updated_page(before, report.group, section, list(GROUPS)).encode())


if __name__ == "__main__":
    sys.exit(main())
