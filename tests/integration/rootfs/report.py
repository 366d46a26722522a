"""How a root file system made here deviates from one that mmdebstrap makes of the same packages, for people.

`python -m tests.integration.rootfs.report SUITE SET ARCH` prints counts, and what allowed.yaml does not cover. For another
architecture than this machine's everything runs under emulation, which takes a quarter of an hour or more.
"""

import argparse
import re
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from builder.core.arch import Arch
from builder.rootfs.compare import Deviation, compare, open_archive
from tests.integration.rootfs.allowed import Packages, Suite, judge, read_allowed, told
from tests.integration.rootfs.systems import System


def report(system: System) -> tuple[list[str], bool]:
    """The report in lines of Markdown, and whether all deviations are reviewed."""
    with open_archive(system.bootstrapped()) as reference, open_archive(system.declared()) as declared:
        differences = compare(reference, declared)
        judgement = judge(differences, read_allowed(system.suite, system.packages), reference, declared)
        counts = Counter(one.deviation for one in differences)
        paths = len(reference.members.keys() | declared.members.keys())
        unexpected = told(judgement, reference, declared)
    title = f"{system.suite}, {system.packages}, {system.arch}: {len(_pins(system))} packages, {paths} paths"
    rows = [f"| {deviation} | {counts[deviation]} |" for deviation in Deviation if counts[deviation]]
    made = f"{datetime.now(UTC):%Y-%m-%d}, {_versions(system.tools())}"
    lines = [title, "", "| deviation | paths |", "|---|---|", *rows, "", made]
    return [*lines, "", "```", *unexpected, "```"] if unexpected else lines, not judgement.unexpected


def _pins(system: System) -> tuple[object, ...]:
    locked = system.workspace.lock.debian
    return locked.rootfs[system.arch].packages if locked else ()


def _versions(tools: Path) -> str:
    """The version of mmdebstrap, as it says in itself."""
    found = re.search(r"VERSION = '([^']+)'", (tools / "usr/bin/mmdebstrap").read_text())
    return f"mmdebstrap {found[1] if found else 'of unknown version'}"


def main() -> int:
    """Print the report; 1 where a deviation is not reviewed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("suite", type=Suite, choices=list(Suite))
    parser.add_argument("packages", type=Packages, choices=list(Packages))
    parser.add_argument("arch", type=Arch, choices=list(Arch))
    chosen = parser.parse_args()
    lines, is_reviewed = report(System(suite=chosen.suite, packages=chosen.packages, arch=chosen.arch))
    sys.stdout.write("\n".join([*lines, ""]))
    return 0 if is_reviewed else 1


if __name__ == "__main__":
    sys.exit(main())
