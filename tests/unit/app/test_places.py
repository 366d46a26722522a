"""What a stamp watches is everything that reading a recipe reads, of each recipe that there is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# Others are there to be extended.
RECIPES = sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml") if "\nname: " in path.read_text())
# Python tells which files are opened and which directories are listed.
_READ = """\
import json, os, sys
from pathlib import Path
from builder.app.make import targets_of
from builder.app.wanted import Wanted
from builder.app.workspace import open_workspace

root, recipe = sys.argv[1:]
read = set()

def note(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], (str, Path)):
        path = os.path.abspath(arguments[0])
        if path.startswith(root) and not path.endswith((".py", ".pyc")) and "__pycache__" not in path:
            read.add(path)

sys.addaudithook(note)
workspace = open_workspace(Path(root, "recipes", f"{recipe}.yaml"), ())
targets_of(workspace, Wanted())
print(json.dumps([sorted(read), [os.path.abspath(place) for place in workspace.places]]))
"""


@pytest.mark.parametrize("recipe", RECIPES)
def test_everything_that_is_read_is_watched(recipe: str) -> None:
    argv = [sys.executable, "-P", "-c", _READ, str(ROOT), recipe]
    done = subprocess.run(argv, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True)
    read, places = ([Path(path) for path in paths] for paths in json.loads(done.stdout))
    assert ROOT / f"recipes/{recipe}.yaml" in read
    unwatched = [path for path in read if not any(path.is_relative_to(place) for place in places)]
    assert [path for path in unwatched if not path.is_relative_to(ROOT / "builder")] == []
