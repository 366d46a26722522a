"""Files that are kept in a directory by their addresses, for builds without a network."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFiles:
    """Files by their address below `root`, as `wget --force-directories` lays them out; `advice` is for what is not there."""

    root: Path
    advice: str


def kept_place(url: str) -> PurePosixPath:
    """Where the file at `url` lies: host, path and query are its directories and its name."""
    parts = urlsplit(url)
    names = [unquote(name) for name in parts.path.split("/")]
    query = f"?{parts.query}" if parts.query else ""
    host = parts.netloc.rpartition("@")[2]
    safe = [quote(name, safe=" +~:@,=") for name in names if name not in ("", ".", "..")]
    return PurePosixPath(host, *safe[:-1], f"{safe[-1] if safe else 'index.html'}{quote(query, safe='?=&')}")
