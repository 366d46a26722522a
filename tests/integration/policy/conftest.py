"""A node with pods, of which a real API server knows, and network-policy on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.components.process import Daemon
from tests.integration.controller.controller import Controller
from tests.integration.helpers.network import running_node
from tests.integration.policy.relay import relayed
from tests.integration.policy.site import Site, furnish, node_kubeconfig


@pytest.fixture(scope="module")
def furnished(controller: Controller, helpers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that reaches no API server yet."""
    directory = tmp_path_factory.mktemp("policy")
    kubeconfig = node_kubeconfig(controller, directory / "node.conf")
    with running_node(helpers, directory) as node:
        site = Site(controller=controller, node=node, kubeconfig=kubeconfig, directory=directory)
        furnish(site)
        yield site


@pytest.fixture(scope="module")
def enforcer(furnished: Site) -> Iterator[Daemon]:
    """network-policy, which runs as long as there are tests."""
    with relayed(furnished.node, furnished.controller.place.api_port), furnished.enforcing() as daemon:
        furnished.wait_until_ready(daemon)
        yield daemon


@pytest.fixture
def site(furnished: Site, enforcer: Daemon) -> Iterator[Site]:
    """Policies are enforced; there are none before and after a test."""
    yield furnished
    assert enforcer.alive, enforcer.report("ended")
    furnished.reset()
