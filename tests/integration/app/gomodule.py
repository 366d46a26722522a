"""Small Go modules, published as a module proxy serves them (https://go.dev/ref/mod#goproxy-protocol)."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

# The date of every module here; the proxy protocol wants one.
_TIME = "2024-02-29T12:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoModule:
    """A module at a version; `files` by their path in it, go.mod among them."""

    path: str
    version: str
    files: Mapping[str, str]

    @property
    def archive(self) -> bytes:
        """The zip that carries the module."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, text in self._named().items():
                archive.writestr(zipfile.ZipInfo(name), text)
        return buffer.getvalue()

    @property
    def sums(self) -> str:
        """The module's lines of go.sum."""
        its_go_mod = {"go.mod": self.files["go.mod"]}
        return f"{self.path} {self.version} {_h1(self._named())}\n{self.path} {self.version}/go.mod {_h1(its_go_mod)}\n"

    def publish(self, proxy: Path) -> None:
        """Add the module to the proxy directory `proxy`."""
        place = proxy / self.path / "@v"
        place.mkdir(parents=True, exist_ok=True)
        with (place / "list").open("a") as versions:
            versions.write(f"{self.version}\n")
        (place / f"{self.version}.info").write_text(json.dumps({"Version": self.version, "Time": _TIME}))
        (place / f"{self.version}.mod").write_text(self.files["go.mod"])
        (place / f"{self.version}.zip").write_bytes(self.archive)

    def _named(self) -> dict[str, str]:
        return {f"{self.path}@{self.version}/{name}": text for name, text in self.files.items()}


def greeting(version: str, text: str) -> GoModule:
    """The library that the small cluster is built with, at a version; `text` is what it says."""
    files = {
        "go.mod": "module example.org/greeting\n\ngo 1.26\n",
        "greeting.go": f'// Package greeting greets.\npackage greeting\n\nfunc Text() string {{ return "{text}" }}\n',
    }
    return GoModule(path="example.org/greeting", version=version, files=files)


GREETINGS = (greeting("v1.0.0", "hello"), greeting("v1.1.0", "good morning"))


def publish(modules: Iterable[GoModule], proxy: Path) -> Path:
    """A proxy directory with `modules`."""
    for module in modules:
        module.publish(proxy)
    return proxy


def _h1(files: Mapping[str, str]) -> str:
    """Go's sum of a module's files: SHA-256 over a list like sha256sum's (golang.org/x/mod/sumdb/dirhash)."""
    lines = (f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sorted(files.items()))
    return f"h1:{base64.b64encode(hashlib.sha256(''.join(lines).encode()).digest()).decode()}"
