"""What a control plane answers in a given time, on kine and on etcd, against the same components started by hand."""

import json
import ssl
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.client import HTTPSConnection
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.stats import Series, interleave
from builder.core.arch import host_arch
from builder.core.errors import BuilderError
from tests.integration.components.controlplane import running_control_plane
from tests.integration.components.health import trusting
from tests.integration.components.pki import KeyPair
from tests.integration.controller.controller import place, running_controller

_ROUNDS = 5
_CLIENTS, _CYCLES = 4, 60
_STORES = ("kine", "etcd")
_URL = "/api/v1/namespaces/default/configmaps"
_VALUE = "x" * 1000
_PATIENCE_S = 30
# With kedge, a directory and the kind of store: the port of the API server, and how its administrator speaks to it.
_Start = Callable[[Path, Path, str], AbstractContextManager[tuple[int, ssl.SSLContext]]]
# At least 0.97 of the requests in the same time, as the time for the same requests.
_LIMIT = 1 / 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """`slowest_s` has, by case, the request that 99 of 100 were faster than, of every round."""

    kedge: Path
    root: Path
    slowest_s: dict[str, list[float]] = field(default_factory=dict)

    def took_s(self, name: str, store: str, start: _Start) -> float:
        """How long a new control plane took for all requests."""
        with start(self.kedge, Path(mkdtemp(dir=self.root)), store) as (port, trust):
            took_s, slowest_s = _ask(port, trust)
        self.slowest_s.setdefault(name, []).append(slowest_s)
        return took_s


def measure(setting: Setting) -> Report:
    """All four in turn; each starts anew for every round."""
    with setting.place() as root:
        bench = _Bench(kedge=setting.built_kedge(root), root=root)
        cases = {
            name: partial(bench.took_s, name, store, start)
            for store in _STORES
            for name, start in ((_by_hand(store), _started_by_hand), (_by_kedge(store), _started_by_kedge))
        }
        series = interleave(cases, setting.rounds or _ROUNDS)
        return report(series, {name: Series.of(*values) for name, values in bench.slowest_s.items()})


def _by_hand(store: str) -> str:
    return f"{store} and components by hand"


def _by_kedge(store: str) -> str:
    return f"kedge controller on {store}"


@contextmanager
def _started_by_hand(kedge: Path, directory: Path, store: str) -> Iterator[tuple[int, ssl.SSLContext]]:
    with running_control_plane(kedge, directory, etcd=store == "etcd") as plane:
        yield int(plane.api_url.rpartition(":")[2]), plane.trust


@contextmanager
def _started_by_kedge(kedge: Path, directory: Path, store: str) -> Iterator[tuple[int, ssl.SSLContext]]:
    where = place(kedge, directory, storage={"type": store})
    with running_controller(where):
        pki = where.data / "pki"
        admin = KeyPair(certificate=pki / "admin.crt", key=pki / "admin.key")
        yield where.api_port, trusting(pki / "ca.crt", admin)


def _ask(port: int, trust: ssl.SSLContext) -> tuple[float, float]:
    """How long all clients together took, and the request that 99 of 100 were faster than; seconds."""
    watched = threading.Event()
    threading.Thread(target=_watch, args=(port, trust, watched), daemon=True).start()
    watched.wait(_PATIENCE_S)
    began_s = time.monotonic()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        answered = list(pool.map(lambda number: _client(port, trust, number), range(_CLIENTS)))
    took_s = time.monotonic() - began_s
    return took_s, statistics.quantiles([each for one in answered for each in one], n=100)[-1]


def _watch(port: int, trust: ssl.SSLContext, watched: threading.Event) -> None:
    """Read what changes until the server ends."""
    connection = HTTPSConnection("127.0.0.1", port, context=trust)
    connection.request("GET", f"{_URL}?watch=true")
    response = connection.getresponse()
    watched.set()
    while response.readline():
        pass


def _client(port: int, trust: ssl.SSLContext, number: int) -> list[float]:
    """Each cycle creates, gets, changes, lists and deletes; the seconds of every request."""
    connection = HTTPSConnection("127.0.0.1", port, context=trust, timeout=_PATIENCE_S)
    took_s: list[float] = []

    def ask(method: str, url: str, body: object = None) -> None:
        began_s = time.monotonic()
        content = json.dumps(body) if body is not None else None
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        connection.request(method, url, body=content, headers={"content-type": kind})
        response = connection.getresponse()
        said = response.read()
        took_s.append(time.monotonic() - began_s)
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise BuilderError(f"{method} {url} was answered with {response.status}", details=[said.decode()])

    for cycle in range(_CYCLES):
        name = f"c{number}-{cycle}"
        ask("POST", _URL, {"metadata": {"name": name}, "data": {"value": _VALUE}})
        ask("GET", f"{_URL}/{name}")
        ask("PATCH", f"{_URL}/{name}", {"data": {"more": "y"}})
        ask("GET", _URL)
        if cycle % 2:
            ask("DELETE", f"{_URL}/{name}")
    connection.close()
    return took_s


def report(took: dict[str, Series], slow: dict[str, Series]) -> Report:
    """`took` has the seconds for all requests, `slow` those of the slowest of a hundred."""
    return Report(
        group="requests",
        figures=[
            Figure(
                name=f"{store}: time for the same requests, times by hand",
                limit=_LIMIT,
                unit=Unit.TIMES,
                series=took[_by_kedge(store)].over(took[_by_hand(store)]),
            )
            for store in _STORES
        ],
        measurements=[
            Measurement(
                name=f"{name}, {what}",
                unit=Unit.SECONDS,
                series=measured[name],
                against=f"{_by_hand(store)}, {what}" if name == _by_kedge(store) else "",
            )
            for store in _STORES
            for what, measured in (("all requests", took), ("slowest of a hundred", slow))
            for name in (_by_hand(store), _by_kedge(store))
        ],
        notes=[
            f"{host_arch()}. {_CLIENTS} clients, each {_CYCLES} times: create, get, change, list, every second time delete.",
            "A watch is open. Clients and servers share the machine.",
            "By hand: no TLS between API server and store, no encryption of secrets, Go's own collection of garbage.",
        ],
    )
