"""A mirror of what is asked for, brought by apt: it alone may know this machine's proxies and logins."""

import subprocess
from pathlib import Path

from builder.debian.mirrors import find_mirrors

APT_HELPER = Path("/usr/lib/apt/apt-helper")


class Fetched:
    """A directory that is laid out like a mirror and holds what was asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._mirror = find_mirrors({}, []).of_archive("debian")[0]

    def bring(self, path: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([APT_HELPER, "download-file", f"{self._mirror}/{path}", target], check=True, capture_output=True)
