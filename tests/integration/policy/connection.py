"""A connection that stays open."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.integration.policy.site import AGENT, Peer, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The process that holds it."""

    process: subprocess.Popen[str]

    def echo(self, words: str) -> str:
        """What comes back for the words."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def connected(site: Site, client: Peer, target: str) -> Iterator[Connection]:
    """A connection of the client to what the agent calls `target`."""
    argv = site.node.enter(sys.executable, "-I", AGENT, "hold", target, pod=client.net)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "connected\n"
            yield Connection(process=process)
        finally:
            process.kill()
