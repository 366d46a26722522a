import threading

import pytest

from builder.core.errors import InterruptedBuildError
from builder.core.events import Event, StepProgress
from builder.exec.worker import StepProgressMeter
from builder.io.cancel import CancelToken


def meter(events: list[Event], cancel: CancelToken | None = None) -> StepProgressMeter:
    return StepProgressMeter("step", events.append, cancel or CancelToken())


def test_downloads_are_added_up_file_by_file() -> None:
    progress = meter([])
    for done in (0, 50, 100, 0, 30, 30, 80, 10):
        progress("download", done, None, "bytes")
    progress("download", 7, None, "files")
    progress("unpack", 1000, None, "bytes")
    assert progress.downloaded_bytes == 100 + 80 + 10


def test_events_are_few_but_the_last_one_is_told() -> None:
    events: list[Event] = []
    progress = meter(events)
    for done in range(1, 1001):
        progress("download", done, 1000, "bytes")
    told = [event.done for event in events if isinstance(event, StepProgress)]
    assert told[0] == 1
    assert told[-1] == 1000
    assert len(told) < 500


def test_a_cancelled_build_ends_the_step_but_not_its_helpers() -> None:
    cancel = CancelToken()
    progress = meter([], cancel)
    cancel.set()
    with pytest.raises(InterruptedBuildError):
        progress("download", 1, None, "bytes")
    thread = threading.Thread(target=progress, args=("download", 2, None, "bytes"))
    thread.start()
    thread.join(60)
    assert progress.downloaded_bytes == 2
