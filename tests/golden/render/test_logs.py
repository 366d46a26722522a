"""What a CI's log, a pipeline and a quiet terminal show of one and the same build."""

import io
import json
import re
from collections.abc import Callable

import pytest

from builder.cli.render.layout import plain_texts
from builder.cli.render.messages import failure_lines, summary_lines
from builder.cli.render.mode import Mode
from builder.cli.render.renderer import make_renderer
from builder.cli.render.symbols import ASCII, UNICODE
from builder.cli.render.tracker import Tracker
from builder.core.events import BuildFinished
from tests.unit.render.samples import COMMAND, FakeTime, artifacts, failed, mixed_story

Golden = Callable[[str, str], None]


@pytest.mark.parametrize(
    ("mode", "verbosity", "file"),
    [
        (Mode.PLAIN, 0, "plain.txt"),
        (Mode.PLAIN, 1, "plain-verbose.txt"),
        (Mode.QUIET, 0, "quiet.txt"),
        (Mode.JSON, 0, "events.jsonl"),
    ],
)
def test_a_build_in_each_mode(mode: Mode, verbosity: int, file: str, golden: Golden) -> None:
    stream, time = io.StringIO(), FakeTime()
    with make_renderer(mode, stream, time.options(verbosity=verbosity)) as renderer:
        mixed_story().play(renderer, time)
    text = stream.getvalue()
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text), "a log has no control characters"
    golden(file, text)


def test_json_lines_are_whole_and_ordered() -> None:
    stream, time = io.StringIO(), FakeTime()
    with make_renderer(Mode.JSON, stream, time.options()) as renderer:
        mixed_story().play(renderer, time)
    read = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [one["event"] for one in read] == [event.event for _, event in mixed_story().chapters]
    assert [one["time"] for one in read] == sorted(one["time"] for one in read)


def test_layout_of_a_failure(golden: Golden) -> None:
    lines = plain_texts(failure_lines(failed("edge/arm64/executable"), took_s=72.4, symbols=UNICODE))
    assert COMMAND in lines, "the command is a line of its own, whole"
    golden("failure.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("file", "event"),
    [
        ("summary.txt", BuildFinished(ok=True, duration_s=252.4, built=12, cached=45, failed=0, skipped=0)),
        ("summary-cached.txt", BuildFinished(ok=True, duration_s=0.21, built=0, cached=57, failed=0, skipped=0)),
        ("summary-stopped.txt", BuildFinished(ok=False, duration_s=61.0, built=3, cached=45, failed=0, skipped=0)),
    ],
)
def test_summary(file: str, event: BuildFinished, golden: Golden) -> None:
    tracker = Tracker(0.0)
    for artifact in artifacts():
        tracker.apply(artifact, 0.0)
    golden(file, "\n".join(plain_texts(summary_lines(event, tracker, ASCII))) + "\n")
