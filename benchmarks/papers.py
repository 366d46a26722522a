"""Makes the bills and the provenance of what is in the store, and prints how long that took: `python -m benchmarks.papers`.

A process of its own, so that importing what writes them counts.
"""

import json
import os
import sys
import time
from pathlib import Path

from builder.app.project import find_project
from builder.app.release.bill import Biller
from builder.app.release.made import make_all
from builder.app.release.make import Request, papers
from builder.app.session import Session, Settings
from builder.app.wanted import Wanted
from builder.core.arch import Arch


def main(recipe: str, arch: str, out: str) -> None:
    """Make them of what `recipe` makes for `arch`; `out` is an output directory."""
    project = find_project(os.environ)
    request = Request(version="0.0.0", wanted=Wanted(archs=(Arch(arch),)), out=Path(out))
    with Session(project, Settings()) as session:
        made = make_all(session, project.open(recipe), request.wanted, request.out)
        started_s = time.perf_counter()
        sizes = {name: len(data) for name, _, data in papers(made, Biller(made=made, root=project.root), request)}
        json.dump({"duration_s": time.perf_counter() - started_s, "sizes": sizes}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
