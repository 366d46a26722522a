"""Ports of test runs that are dealt out to several processes."""

import pytest

from tests.integration.components.ports import candidates, free_ports


def test_processes_that_run_at_once_share_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "2")
    found = []
    for process in ("gw0", "gw1"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", process)
        found.append(set(candidates()))
        assert set(free_ports(3)) < found[-1]
    assert found[0].isdisjoint(found[1])
    assert len(found[0] | found[1]) == len(range(20_000, 32_000, 4))


def test_alone_all_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    assert candidates() == range(20_000, 32_000, 4)
