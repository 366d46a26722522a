"""Command lines of `builder flash` mean the same whether typer reads them or not."""

import time
from collections.abc import Sequence

import pytest
from typer.main import get_command

from builder.app.invocation import Invocation
from builder.cli import flashing, main, quick
from builder.cli.flashing import FlashOptions

PLAIN = (
    "x.img sdb",
    "x.img sdb /dev/sdc --yes --serial A1 --serial A2",
    "--board b x.img sdb --even-if sdb:large --even-if sdb:not-removable -q",
    "x.img sdb --unmapped zero --no-verify --no-block-map --to-file --quiet",
)


@pytest.mark.parametrize("line", PLAIN)
def test_both_read_the_same(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[FlashOptions] = []
    monkeypatch.setattr(flashing, "run_flash", read.append)
    with pytest.raises(SystemExit):
        main.main(Invocation(arguments=["flash", *line.split()], begin_s=time.time()))
    command = quick.quick_command(["flash", *line.split()])
    assert command
    command()
    by_typer, by_us = (listed(options) for options in read)
    assert by_typer == by_us


def listed(options: FlashOptions) -> dict[str, object]:
    values = {name: getattr(options, name) for name in FlashOptions.__slots__}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()} | {
        "nodes": list(options.nodes.names)
    }


@pytest.mark.parametrize(
    "line",
    [
        "make",
        "flash",
        "flash x.img",
        "flash x.img sdb --help",
        "flash x.img sdb --serial",
        "flash x.img sdb --serial --yes",
        "flash x.img sdb --board=b",
        "flash x.img sdb --unmapped nothing",
        "flash x.img sdb --events json",
        "flash x.img sdb --cluster home --provision field-1",
        "--debug flash x.img sdb",
    ],
)
def test_what_is_not_plain_is_left_to_typer(line: str) -> None:
    assert quick.quick_command(line.split()) is None


def test_completion_is_left_to_typer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_BUILDER_COMPLETE", "complete_bash")
    assert quick.quick_command(["flash", *PLAIN[0].split()]) is None


def test_every_option_is_one_that_typer_knows() -> None:
    declared = {name for param in _parameters() for name in param}
    assert {*quick.FLAGS, *quick.NEGATIONS, *quick.VALUES, *quick.LISTS} <= declared


def _parameters() -> list[Sequence[str]]:
    commands = getattr(get_command(main.app), "commands", {})
    return [param.opts for param in commands["flash"].params]
