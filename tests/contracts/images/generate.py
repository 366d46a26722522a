"""Samples of the list of system images: `python -m tests.contracts.images.generate` writes them, with a verdict for each."""

import json
from pathlib import Path

HERE = Path(__file__).parent
PAUSE = {"digest": f"sha256:{'ab' * 32}", "name": "pause", "reference": "kedge.local/pause:1.0.0"}
DNS = {"digest": f"sha256:{'cd' * 32}", "name": "dns", "reference": "registry.example.com:5000/team/dns:v1.15.0_a"}


def listed(*images: object, **fields: object) -> bytes:
    """The file with these images; `fields` replace its own."""
    value = {"arch": "armv7", "format": 1, "images": list(images)} | fields
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def good() -> dict[str, bytes]:
    """Readers accept these."""
    return {
        "good-pause": listed(PAUSE),
        "good-two": listed(DNS, PAUSE),
        "good-none": listed(),
        **{f"good-{arch}": listed(PAUSE, arch=arch) for arch in ("arm64", "amd64")},
    }


def bad() -> dict[str, bytes]:
    """Readers refuse these."""
    pause = listed(PAUSE)
    return {
        "empty": b"",
        "no-json": b"pause",
        "list": json.dumps([PAUSE]).encode(),
        "cut": pause[:-1],
        "rest": pause + b"x",
        "two-values": pause + pause,
        "newline": pause + b"\n",
        "spaces": json.dumps(json.loads(pause)).encode(),
        "key-in-capitals": pause.replace(b'"arch"', b'"Arch"'),
        "repeated-key": pause.replace(b'{"arch"', b'{"arch":"armv7","arch"'),
        "unknown-key": listed(PAUSE, more=1),
        "unknown-key-of-image": listed(PAUSE | {"size": 1}),
        "arch-unknown": listed(PAUSE, arch="armv6"),
        "arch-missing": pause.replace(b'"arch":"armv7",', b""),
        "format-2": listed(PAUSE, format=2),
        "format-text": listed(PAUSE, format="1"),
        "images-null": listed(images=None),
        "images-missing": b'{"arch":"armv7","format":1}',
        "unsorted": listed(PAUSE, DNS),
        "twice": listed(PAUSE, PAUSE),
        "reference-twice": listed(PAUSE | {"name": "a"}, PAUSE),
        "name-empty": listed(PAUSE | {"name": ""}),
        "name-capitals": listed(PAUSE | {"name": "Pause"}),
        "name-missing": listed({key: value for key, value in PAUSE.items() if key != "name"}),
        "reference-short": listed(PAUSE | {"reference": "pause:1"}),
        "reference-without-tag": listed(PAUSE | {"reference": "kedge.local/pause"}),
        "reference-with-digest": listed(PAUSE | {"reference": f"kedge.local/pause:1@sha256:{'0' * 64}"}),
        "reference-newline": listed(PAUSE | {"reference": "kedge.local/pause:1\n"}),
        "digest-short": listed(PAUSE | {"digest": "sha256:ab"}),
        "digest-capitals": listed(PAUSE | {"digest": f"sha256:{'AB' * 32}"}),
        "digest-number": listed(PAUSE | {"digest": 1}),
    }


def table() -> dict[str, tuple[bytes, bool]]:
    """All samples by name, each with whether it is good."""
    return {name: (data, True) for name, data in good().items()} | {name: (data, False) for name, data in bad().items()}


def main() -> None:
    """Write them."""
    for name, (data, _) in table().items():
        (HERE / "samples" / name).write_bytes(data)
    verdicts = {name: ok for name, (_, ok) in sorted(table().items())}
    (HERE / "verdicts.json").write_text(json.dumps(verdicts, indent=2) + "\n")


if __name__ == "__main__":
    main()
