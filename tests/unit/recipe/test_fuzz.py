"""Mutated recipes: whatever stands in a file, it is a valid recipe or a `RecipeError` with one line per mistake."""

import random
from pathlib import Path

from builder.core.errors import RecipeError
from builder.recipe.load import LoadedRecipe, load_recipe
from builder.recipe.resolve import resolve, to_yaml

ROOT = Path(__file__).parents[3]
ROUNDS = 1500
RECIPES = ROOT / "recipes"
FILES = (
    *(
        "edge.yaml",
        "toolchains.yaml",
        "debian.yaml",
        "debian/rootfs.yaml",
        "device.yaml",
        "cluster/kedge.yaml",
        "images/pause.yaml",
    ),
    *("image.yaml", "boards.yaml", *sorted(f"boards/{path.name}" for path in (RECIPES / "boards").glob("*.yaml"))),
)
# Files that are mutated in a round, on average.
MUTATED = 1.8
PIECES = [
    b"null", b"~", b"true", b"yes", b"0123", b"1.10", b"-", b"- ", b": ", b":", b"{", b"}", b"[", b"]", b"'", b'"', b"&a ",
    b"*a", b"!!str ", b"<<: ", b"---\n", b"...\n", b"%YAML 1.1\n", b"\t", b"\r", b"\n", b"\x00", b"\x07", b"\xff", b"\xc3",
    b"\xef\xbb\xbf", b"\\", b'"\\ud800"', b'"\\0"', b"|\n", b">-\n", b"? ", b"# ", b"extends: edge.yaml\n", b"extends: ",
    b"9" * 400, b"1e999", b"\xe2\x80\xa8", b"\xc2\x85", b"{version}", b"{", b"[" * 70, b"\xf0\x9f\x98\x80", b"name: ",
]  # fmt: skip


def mutated(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice([0, 0, 1, 3, 20, 200]))
        kind = chance.randrange(4)
        if kind == 0:
            data = data[:start] + chance.choice(PIECES) + data[end:]
        elif kind == 1:
            data = data[:start] + bytes([chance.randrange(256)]) + data[end:]
        elif kind == 2:
            data = data[:end] + data[start:]
        else:
            lines = data.splitlines(keepends=True)
            chance.shuffle(lines)
            data = b"".join(lines)
    return data


def outcome(overrides: list[str], here: Path) -> LoadedRecipe | RecipeError:
    try:
        return load_recipe(Path("edge.yaml"), overrides, cwd=here)
    except RecipeError as error:
        return error


def check_error(error: RecipeError) -> None:
    places = (*FILES, "--set ")
    assert error.details
    assert [line for line in error.details if not line.startswith(places) or "\n" in line] == []
    assert "Input should" not in str(error)
    assert str(error).encode()


def test_mutated_recipes_are_valid_or_refused_with_places(tmp_path: Path) -> None:
    chance = random.Random(20260101)  # noqa: S311 - chosen to be the same every time
    originals = {name: (ROOT / "recipes" / name).read_bytes() for name in FILES}
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
    refused = 0
    for _ in range(ROUNDS):
        for name, data in originals.items():
            (tmp_path / name).write_bytes(mutated(data, chance) if chance.random() < MUTATED / len(FILES) else data)
        override = mutated(b"cluster.tags=[a]", chance).decode(errors="surrogateescape")
        result = outcome([override] if chance.random() < 0.2 else [], tmp_path)
        if isinstance(result, RecipeError):
            check_error(result)
            refused += 1
        else:
            assert to_yaml(resolve(result)).encode()
    assert ROUNDS // 10 < refused < ROUNDS * 9 // 10
