import os
import signal
import threading

from builder.exec.signals import cancel_on_signals
from builder.io.cancel import CancelToken


def test_signals_set_the_token_and_handlers_come_back() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        before = signal.getsignal(number)
        cancel = CancelToken()
        with cancel_on_signals(cancel):
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
        assert cancel.is_set()
        assert signal.getsignal(number) is before


def test_other_threads_leave_signals_alone() -> None:
    seen = []

    def look() -> None:
        with cancel_on_signals(CancelToken()):
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join(60)
    assert seen == [before]
