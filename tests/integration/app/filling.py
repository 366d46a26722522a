"""Puts one file into a directory as `builder vendor` does: `python -m tests.integration.app.filling ROOT OUTPUT NAME`."""

import sys
from pathlib import Path, PurePosixPath

from builder.app.vendor.directory import filling
from builder.app.vendor.parts import Part
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.steps.kinds.vendored import WHEEL_FILE
from builder.steps.step import Step


def main(root: str, output: str, name: str) -> None:
    part = Part(
        what=name,
        key=Digest.of_bytes(name.encode()),
        step=Step(id=name, kind=WHEEL_FILE, input=name),  # it is not run
        directory=PurePosixPath("place"),
        judge=lambda *_: True,
        required=(name,),
    )
    try:
        with filling(Path(root)) as directory:
            directory.put([(part, Path(output))], lambda: None)
    except BuilderError as error:
        sys.exit(error.brief)


if __name__ == "__main__":
    main(*sys.argv[1:])
