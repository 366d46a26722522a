import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.io.leash import Leash
from builder.io.spawn import Command, CommandError, Runner
from builder.toolchain.download import download_modules


def answering(tmp_path: Path, answer: str, *, status: int, said: str = "") -> Command:
    """A command that answers as `go mod download -json` does."""
    (tmp_path / "answer").write_text(answer)
    script = f"cat answer; printf '%s' '{said}' >&2; exit {status}"
    return Command(argv=["/bin/sh", "-c", script], env={"PATH": "/usr/bin:/bin"}, cwd=tmp_path)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with Leash() as leash:
        yield Runner(log=tmp_path / "log", leash=leash)


def refused(path: str) -> str:
    return json.dumps({"Path": path, "Error": f"{path}@v1.0.0: 403 Forbidden"}, indent="\t")


def test_every_module_of_the_answer(tmp_path: Path, runner: Runner) -> None:
    answer = '{"Path": "a", "Sum": "h1:x"}\n{\n\t"Path": "b"\n}\n'
    assert [one["Path"] for one in download_modules(runner, answering(tmp_path, answer, status=0))] == ["a", "b"]


def test_what_the_answer_refuses_becomes_the_errors_details(tmp_path: Path, runner: Runner) -> None:
    answer = '{"Path": "good", "Sum": "h1:x"}' + refused("a") + refused("b")
    with pytest.raises(CommandError) as caught:
        download_modules(runner, answering(tmp_path, answer, status=1, said="go: warning"))
    assert caught.value.brief == "2 Go modules cannot be had: sh failed with exit status 1"
    assert caught.value.details == ("go: warning", "a@v1.0.0: 403 Forbidden", "b@v1.0.0: 403 Forbidden")


def test_many_refusals_are_counted(tmp_path: Path, runner: Runner) -> None:
    answer = "".join(refused(f"m{number}") for number in range(25))
    with pytest.raises(CommandError, match="25 Go modules cannot be had") as caught:
        download_modules(runner, answering(tmp_path, answer, status=1))
    assert len(caught.value.details) == 11
    assert caught.value.details[-1] == "and 15 more"


@pytest.mark.parametrize("answer", ["", '{"Path": "a"', "no JSON", '{"Path": "a", "Sum": "h1:x"}'])
def test_an_answer_that_says_nothing_leaves_the_error_as_it_is(tmp_path: Path, runner: Runner, answer: str) -> None:
    with pytest.raises(CommandError) as caught:
        download_modules(runner, answering(tmp_path, answer, status=1, said="killed"))
    assert caught.value.brief == "sh failed with exit status 1"
    assert caught.value.details == ("killed",)


def test_a_password_in_the_answer_is_not_told(tmp_path: Path, runner: Runner) -> None:
    address = "https://me:geheim-1234@proxy.example"
    answer = json.dumps({"Path": "a", "Error": f"reading {address}/a: 403"})
    command = answering(tmp_path, answer, status=1)
    secret = Command(
        argv=command.argv,
        env={**command.env, "GOPROXY": address},
        cwd=command.cwd,
        secret_env=frozenset({"GOPROXY"}),
    )
    with pytest.raises(CommandError) as caught:
        download_modules(runner, secret)
    assert "geheim-1234" not in str(caught.value)
