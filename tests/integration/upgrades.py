"""Executables of kedge as other versions of it: ones that work, and ones that do not."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from builder.trust.minisign import SUFFIX, SecretKey
from tests.suite import ROOT

# Tells what kedge tells, and then ends, or does nothing at all.
_BROKEN = """\
package main

import (
	"os"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "version" {
		os.Stdout.WriteString(`TOLD`)
		return
	}
	HOW
}
"""
CRASHES, HANGS = 'os.Stderr.WriteString("it is broken\\n"); os.Exit(1)', "time.Sleep(time.Hour)"
# What starts a service again whenever it ends; it ends with the service itself.
AGAIN = 'trap "exit 0" TERM; while :; do "$@" & wait $!; sleep 0.2; done'


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Who makes versions of kedge, in a directory, and signs them."""

    directory: Path
    kedge: Path
    key: SecretKey

    @classmethod
    def in_directory(cls, directory: Path, kedge: Path) -> "Publisher":
        """One with a key of its own."""
        keys = directory / "keys"
        keys.mkdir(parents=True)
        key = SecretKey.make()
        (keys / "publisher.pub").write_text(f"untrusted comment: a publisher\n{key.public.line}\n")
        return cls(directory=directory, kedge=kedge, key=key)

    @property
    def keys(self) -> Path:
        """The directory of the public key."""
        return self.directory / "keys"

    def version(self, version: str) -> Path:
        """The executable as another version: the same in all but its name, which has as many letters."""
        own = json.loads(subprocess.check_output([self.kedge, "version", "-o", "json"]))["version"]
        # Go's linker ends with a zero what it is told for a variable (cmd/link, addstrdata), and no other string.
        name, content = own.encode() + b"\0", self.kedge.read_bytes()
        assert len(version) == len(own)
        assert content.count(name) == 1
        return self.signed(version, content.replace(name, version.encode() + b"\0"))

    def broken(self, version: str, how: str) -> Path:
        """An executable that says it is that version of kedge, and cannot do anything of it."""
        told = json.loads(subprocess.check_output([self.kedge, "version", "-o", "json"]))
        place = self.directory / f"broken-{version}"
        place.mkdir()
        (place / "go.mod").write_text("module broken\n")
        text = _BROKEN.replace("TOLD", json.dumps(told | {"version": version})).replace("HOW", how)
        (place / "main.go").write_text(text if "time." in how else text.replace('\t"time"\n', ""))
        go = [str(ROOT / "builderw"), "tool", "--directory", str(place), "go"]
        subprocess.run([*go, "build", "-o", "broken", "."], check=True, env={**os.environ, "CGO_ENABLED": "0"})
        return self.signed(version, (place / "broken").read_bytes())

    def signed(self, name: str, content: bytes) -> Path:
        """A file with its signature beside it."""
        path = self.directory / f"kedge-{name}"
        path.write_bytes(content)
        path.with_name(path.name + SUFFIX).write_text(str(self.key.sign([content], f"kedge {name}")))
        return path
