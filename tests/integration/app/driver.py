"""The builder as a user starts it: a process with arguments, an environment, an exit code."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeAlias

from tests.integration.app.checkout import Checkout

GIVE_UP_S = 120.0
Event: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[Event]:
        """The events of a run with `--events json`."""
        return [json.loads(line) for line in self.out.splitlines()]

    def steps(self, name: str = "step-started") -> list[str]:
        """The steps of all events with a name, sorted."""
        return sorted(event["step"] for event in self.events if event["event"] == name)

    def event(self, name: str) -> Event:
        """The one event with a name."""
        (found,) = [event for event in self.events if event["event"] == name]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Starts the builder of `checkout` with the cache `cache`.

    Nothing of this machine's environment is passed on: no registry can be reached, modules come from the checkout's
    proxy directory. `wrapper` is what the builder is started by.
    """

    checkout: Checkout
    cache: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    wrapper: Sequence[str] = ()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.cache.parent / "home"),
            "BUILDER_CACHE": str(self.cache),
            "PYTHONPATH": str(self.checkout.root),
            "GOPROXY": self.checkout.proxy.as_uri(),
            "GOSUMDB": "off",
            # Port 9 (discard) of this machine: nobody listens.
            "PIP_INDEX_URL": "http://127.0.0.1:9/",
            "PIP_RETRIES": "0",
            **self.extra,
        }

    def argv(self, *arguments: str) -> list[str]:
        return [*self.wrapper, sys.executable, "-P", "-m", "builder", *arguments]

    def run(self, *arguments: str, cwd: Path | None = None) -> Result:
        """Run it to its end."""
        done = subprocess.run(
            self.argv(*arguments),
            cwd=cwd or self.checkout.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=GIVE_UP_S,
        )
        return Result(code=done.returncode, out=done.stdout, err=done.stderr)

    def good(self, *arguments: str) -> Result:
        """Run it to its good end."""
        result = self.run(*arguments)
        assert result.code == 0, result.err
        return result

    def make(self, *arguments: str) -> Result:
        """`builder make` with events, to its good end."""
        return self.good("make", "--events", "json", *arguments)

    def start(self, *arguments: str, stdout: IO[str] | int = subprocess.PIPE) -> "subprocess.Popen[str]":
        """Start it; to be ended by `ended`."""
        return subprocess.Popen(
            self.argv(*arguments),
            cwd=self.checkout.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    def half_made(self) -> list[Path]:
        """What an unfinished step left in the store, and unfinished files of the output."""
        work = self.cache / "store" / "work"
        return [*work.rglob("*"), *self.checkout.out.rglob(".*"), *self.cache.glob("scratch.*")]

    def entries(self) -> list[Path]:
        """The complete results in the store."""
        return sorted((self.cache / "store" / "entries").glob("*/*/entry.json"))


def ended(process: "subprocess.Popen[str]") -> Result:
    """Wait for the end of `process`."""
    try:
        out, err = process.communicate(timeout=GIVE_UP_S)
    finally:
        process.kill()
        process.wait()
    return Result(code=process.returncode, out=out or "", err=err)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for `condition`; `what` is told when it never comes."""
    deadline_s = time.monotonic() + GIVE_UP_S
    while not condition():
        if time.monotonic() > deadline_s:
            message = f"gave up waiting: {what}"
            raise AssertionError(message)
        time.sleep(0.02)


def processes_of(cache: Path) -> list[int]:
    """All processes that work with the cache directory `cache`, by their arguments or environment."""
    marks = os.fsencode(cache)
    found = []
    for place in Path("/proc").iterdir():
        if not place.name.isdigit() or int(place.name) == os.getpid():
            continue
        try:
            if marks in (place / "environ").read_bytes() + (place / "cmdline").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found


def tree(root: Path) -> dict[str, bytes]:
    """Every file below `root` with its content, links as their target."""
    found: dict[str, bytes] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = os.fsencode(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
    return found
