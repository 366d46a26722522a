"""Several scenarios at once, as far as this machine goes."""

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

from builder.app.scenarios.find import Play
from builder.app.scenarios.perform import Performer, Prepared
from builder.core.resources import Resources
from builder.exec.signals import cancel_on_signals
from builder.io.cancel import CancelToken
from builder.lab.result import ScenarioResult

_NOTHING = Resources(cores=0, memory_bytes=0)


def perform_together(
    performer: Performer, plays: Sequence[Play], has: Resources, at_most: int
) -> Iterator[ScenarioResult]:
    """Run `plays` in their order, and tell of each as it ends.

    Beside others one begins when the cores and the memory of its machines are free of what there is (`has`), and fewer than
    `at_most` run. Labs are made one after the other: a machine's disk is unpacked by all cores anyway.
    """
    running: dict[Future[ScenarioResult], Resources] = {}
    with ThreadPoolExecutor(max_workers=at_most) as pool, _cancelled_by_failures(performer.session.cancel):
        for play in plays:
            needs = performer.needs(play)
            while running and (len(running) == at_most or needs.lacking(has - sum(running.values(), _NOTHING))):
                yield from _ended(running)
            prepared = performer.prepare(play)
            if isinstance(prepared, Prepared):
                running[pool.submit(performer.perform, prepared)] = needs
            else:
                yield prepared
        while running:
            yield from _ended(running)


def _ended(running: dict[Future[ScenarioResult], Resources]) -> Iterator[ScenarioResult]:
    """Wait for the next to end."""
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for one in done:
        del running[one]
        yield one.result()


@contextmanager
def _cancelled_by_failures(cancel: CancelToken) -> Iterator[None]:
    """What goes wrong in the block, or a signal, ends what runs beside it."""
    with cancel_on_signals(cancel):
        try:
            yield
        except BaseException:
            cancel.set("ended, since another failed")
            raise
