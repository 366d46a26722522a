"""Updates of images: made, signed, and served as any web server would."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from builder.app.session import Session
from builder.app.signing import sign_with
from builder.core.output import Output
from builder.plan.compose import compose
from builder.trust.minisign import SecretKey
from builder.vm.machine import Machine
from tests.qemu.lab import BOOT_S
from tests.qemu.workers import HOST

RECIPE = Path(__file__).with_name("updates.yaml")
# What is typed is shown, too, in pieces: neither mark is in it as it is said.
_ANSWERED = r"(?s)ANSWER-1\n(.*)ANSWERED-(\d+)\n"
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Who makes updates for `board` in directories below `place`, and signs them."""

    session: Session
    board: str
    place: Path
    key: SecretKey

    def publish(self, version: str, *overrides: str) -> str:
        """The path, below `place`, of a new update of that version, which differs from the image by `overrides`."""
        workspace = self.session.project.open(str(RECIPE), [f"image.version={version}", *overrides])
        arch = workspace.inputs.recipe.boards[self.board].architecture
        (target,) = compose(workspace.inputs, [arch], [Output.UPDATE], [self.board])
        directory = self.place / version
        directory.mkdir()
        for made in self.session.obtain(target.step).iterdir():
            (directory / made.name).symlink_to(made)
        (manifest,) = directory.glob("*.update")
        sign_with(self.key, manifest, now_s=0)
        return f"{version}/{manifest.name}"

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The URL by which a machine with a network of its user finds `place`."""
        with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, self.place)) as server:
            thread = Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield f"http://{HOST}:{server.server_port}"
            finally:
                server.shutdown()


class _Files(BaseHTTPRequestHandler):
    """Files, or the part of one that is asked for."""

    def __init__(self, place: Path, *arguments: object) -> None:
        self.place = place
        super().__init__(*arguments)  # type: ignore[arg-type] # what the server hands over

    def do_GET(self) -> None:
        try:
            data = (self.place / self.path.lstrip("/")).read_bytes()
        except OSError:
            self.send_error(404)
            return
        wanted = _RANGE.match(self.headers.get("Range", ""))
        if wanted:
            data = data[int(wanted[1]) : int(wanted[2]) + 1]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def run(machine: Machine, command: str) -> str:
    """What `command` says on the device's console; it must end well."""
    machine.console.send_line("")
    machine.expect(r"# $", BOOT_S)
    machine.console.send_line(f"echo ANSWER-$((1)); {command}; echo ANSWERED-$?")
    said = machine.expect(_ANSWERED, BOOT_S)
    assert said[2] == "0", said[0]
    return said[1]
