"""The table of samples: what each is, and what a reader has to say of it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.contracts.payload import generate as make
from tests.contracts.payload.generate import HERE, MAGIC, MIB, TREE, Sample, changed, sample, shifted, top, with_raw


@dataclass(frozen=True, slots=True)
class Verdict:
    """A line of verdicts.json."""

    file: str
    verdict: str
    found: str
    says: str


def good() -> dict[str, bytes]:
    """Readers accept these; the first two are what the builder's writer makes of the same tree."""
    shared = {"bin/a": (0o755, make.RUNC), "bin/b": (0o644, make.RUNC), "bin/empty": (0o644, b"")}
    return {
        "good-amd64": sample().pack(),
        "good-armv7": sample(executable=make.elf32(), arch="armv7").pack(),
        "good-arm64": sample(executable=make.elf64(183), arch="arm64").pack(),
        "good-shared-content": sample({**shared}, versions={}).pack(),
        "good-debian-names": sample(
            {"lib/nft/ld-linux-x86-64.so.2": (0o755, b"ld"), "lib/nft/libstdc++.so.6~1": (0o644, b"c")}
        ).pack(),
        "good-with-bundle": make.with_bundle(sample().pack()),
        "good-armv7-with-bundle": make.with_bundle(sample(executable=make.elf32(), arch="armv7").pack()),
        "good-text-of-versions": sample(versions={'a "b" \\ <&>': "1:2+3~4/5"}).pack(),
    }


def absent() -> dict[str, bytes]:
    """Executables without a payload."""
    return {
        "absent-amd64": make.elf64(),
        "absent-armv7": make.elf32(),
        "absent-signed": make.elf64() + b"signature" * 20,
        "absent-with-bundle": make.with_bundle(make.elf64()),
    }


def cut() -> dict[str, tuple[bytes, str]]:
    """What an interrupted transfer leaves, and what is no executable."""
    whole = sample().pack()
    start = len(make.elf64())
    return {
        "cut-in-executable": (whole[: start - 10], "the executable itself should have"),
        "cut-in-headers": (whole[:90], "headers of the executable itself are not complete"),
        "cut-in-first-bytes-of-payload": (whole[: start + 2], "2 bytes of a payload, but not its end"),
        "cut-in-frames": (whole[: start + 100], "bytes of a payload, but not its end"),
        "cut-in-index": (whole[:-100], "bytes of a payload, but not its end"),
        "cut-in-footer": (whole[:-1], "bytes of a payload, but not its end"),
        "longer-than-written": (whole + b"\n", "bytes of a payload, but not its end"),
        "middle-missing": (whole[: start + 50] + whole[start + 60 :], "does not end at the footer"),
        "empty": (b"", "is not an ELF executable"),
        "script": (b"#!/bin/sh\nexec runc\n" * 5, "is not an ELF executable"),
    }


def footers() -> dict[str, tuple[Sample, str]]:
    """Wrong footers."""
    made = sample()
    at = len(made.executable) + len(made.frames)
    altered = with_raw(lambda raw: raw.replace(b"v1.5.2", b"v1.5.3"))
    altered.digest = hashlib.sha256(make.canonical(made.index)).digest()
    return {
        "footer-index-altered": (altered, "does not have the SHA-256 that the footer names"),
        "footer-offset": (
            Sample(made.executable, made.frames, made.index, offset=at + 1),
            "does not end at the footer",
        ),
        "footer-offset-in-executable": (
            Sample(
                made.executable, made.frames, made.index, offset=20, length=at + len(make.canonical(made.index)) - 20
            ),
            "inside the executable",
        ),
        "footer-offset-overflow": (
            Sample(made.executable, made.frames, made.index, offset=2**64 - 8),
            "does not end at the footer",
        ),
        "footer-length-huge": (
            Sample(made.executable, made.frames, made.index, length=MIB + 1),
            "1048576 are the most",
        ),
        "footer-format-2": (Sample(made.executable, made.frames, made.index, magic=MAGIC[:-1] + b"\2"), "has format 2"),
    }


def bundles() -> dict[str, tuple[bytes, str]]:
    """Wrong bundles of images behind a good payload."""
    whole = sample().pack()
    with_all = make.with_bundle(whole)
    start, size = len(whole), len(make.BUNDLE)
    return {
        "bundle-cut": (with_all[:-1], "bytes of a payload, but not its end"),
        "bundle-middle-missing": (with_all[: start + 50] + with_all[start + 60 :], "does not end at that footer"),
        "bundle-behind-cut-payload": (make.with_bundle(whole[:-200]), "bytes of a payload, but not its end"),
        "bundle-shorter": (make.with_bundle(whole, length=size - 1), "does not end at that footer"),
        "bundle-longer": (make.with_bundle(whole, length=size + 1), "does not end at that footer"),
        "bundle-in-executable": (
            make.with_bundle(whole, offset=20, length=start + size - 20),
            "does not end at that footer",
        ),
        "bundle-offset-overflow": (
            make.with_bundle(whole, offset=2**64 - 8, length=start + size + 8),
            "does not end at that footer",
        ),
        "bundle-of-nothing": (make.with_bundle(whole, b""), "but not its end"),
        "bundle-empty": (make.with_bundle(whole, offset=start + size, length=0), "but not its end"),
        "bundle-in-payload": (
            make.with_bundle(whole, offset=start - 10, length=size + 10),
            "bytes of a payload, but not its end",
        ),
        "bundle-format-2": (make.with_bundle(whole, magic=make.BUNDLE_MAGIC[:-1] + b"\2"), "has format 2"),
    }


def indexes() -> dict[str, tuple[Sample, str]]:
    """Texts that are no index."""
    return {
        "index-not-json": (with_raw(lambda _: b"kedge"), "not the JSON"),
        "index-empty": (with_raw(lambda _: b""), "not the JSON"),
        "index-list": (with_raw(lambda _: b"[]"), "not the JSON"),
        "index-format-2": (top(format=2, new="field"), "has format 2"),
        "index-format-missing": (with_raw(lambda raw: raw.replace(b'"format":1,', b"")), "has format 0"),
        "index-unknown-field": (top(extra=1), "extra"),
        "index-spaces": (with_raw(lambda raw: raw.replace(b":", b": ", 1)), "not canonical"),
        "index-newline": (with_raw(lambda raw: raw + b"\n"), "not canonical"),
        "index-two-values": (with_raw(lambda raw: raw + b"{}"), "not the JSON"),
        "index-repeated-key": (
            with_raw(lambda raw: raw.replace(b'{"arch"', b'{"arch":"arm64","arch"', 1)),
            "not canonical",
        ),
        "index-key-in-capitals": (with_raw(lambda raw: raw.replace(b'"arch"', b'"Arch"', 1)), "not canonical"),
        "index-without-files": (top(files=[]), "lists no file"),
        "index-without-versions": (with_raw(lambda raw: raw[: raw.index(b',"versions"')] + b"}"), "no versions"),
        "index-arch": (top(arch="riscv64"), 'architecture "riscv64"'),
        "index-version-not-text": (top(versions={"runc": "v1\n"}), "not plain text"),
        "index-unsorted": (top(files=list(reversed(sample().index["files"]))), "have to be sorted"),
        "index-file-twice": (
            top(files=sorted(sample().index["files"] * 2, key=lambda file: str(file["path"]))),
            "listed twice",
        ),
    }


def files() -> dict[str, tuple[Sample, str]]:
    """Wrong files and links."""
    runc, link = "bin/runc", "cni/bridge"
    paths = {
        "dotdot": "../runc",
        "dotdot-inside": "bin/../../runc",
        "absolute": "/bin/runc",
        "dot": "./bin/runc",
        "twice-slash": "bin//runc",
        "empty": "",
        "directory": "bin/runc/",
        "space": "bin/run c",
        "newline": "bin/runc\n",
        "null": "bin/runc\0",
        "only-dotdot": "..",
        "only-dot": ".",
        "letters": "bin/rünc",
        "backslash": "bin\\runc",
    }
    links = {
        "absolute": ("/bin/sh", "leaves the payload"),
        "escape": ("../../sh", "leaves the payload"),
        "dangling": ("../bin/none", "does not name"),
        "to-link": ("portmap", "does not name"),
        "to-directory": ("../bin", "does not name"),
        "to-itself": ("bridge", "does not name"),
        "detour": ("../cni/../bin/cni", "does not name"),
        "empty": ("", "has no target"),
    }
    made = {
        f"path-{name}": (changed(runc, path=path), "does not stay inside the payload") for name, path in paths.items()
    }
    made |= {f"link-{name}": (changed(link, link=target), says) for name, (target, says) in links.items()}
    return made | {
        "path-below-file": (changed(runc, path="bin/cni/runc"), "lies below it"),
        "link-with-size": (changed(link, size=3), "both a link and a file"),
        "file-mode-setuid": (changed(runc, mode=0o4755), "has mode"),
        "file-mode-writable": (changed(runc, mode=0o777), "has mode 0777"),
        "file-mode-negative": (changed(runc, mode=-1), "has mode"),
        "file-digest-capitals": (changed(runc, sha256="A" * 64), "has no SHA-256"),
        "file-digest-short": (changed(runc, sha256="a" * 63), "has no SHA-256"),
        "file-frame-digest-capitals": (changed(runc, frame_sha256="A" * 64), "the frame of"),
        "file-frame-digest-short": (changed(runc, frame_sha256="a" * 63), "the frame of"),
        "file-frame-digest-number": (changed(runc, frame_sha256=7), "not the JSON"),
        "file-without-digest": (changed(runc, sha256=None), "lacks one of"),
        "file-without-frame-digest": (changed(runc, frame_sha256=None), "lacks one of"),
        "link-with-frame-digest": (changed(link, frame_sha256="a" * 64), "both a link and a file"),
        "file-size-negative": (changed(runc, size=-1), "has -1 bytes"),
        "file-size-huge": (changed(runc, size=2**30 + 1), "are the most"),
        "file-size-fraction": (changed(runc, size=1.5), "not the JSON"),
        "file-size-text": (changed(runc, size="400"), "not the JSON"),
        "file-size-overflow": (changed(runc, size=2**63), "not the JSON"),
        "file-without-size": (changed(runc, size=None), "lacks one of"),
        "file-without-path": (top(files=[{"link": "x"}]), "does not stay inside"),
    }


def frames() -> dict[str, tuple[Sample, str]]:
    """Wrong places of frames."""
    return {
        "frame-in-executable": (changed("bin/cni", offset=0), "outside of the payload"),
        "frame-behind-index": (changed("lib/nft/libnftables.so.1", offset=10**6), "outside of the payload"),
        "frame-offset-negative": (changed("bin/runc", offset=-5), "outside of the payload"),
        "frame-length-zero": (changed("bin/runc", length=0), "outside of the payload"),
        "frame-length-negative": (changed("bin/runc", length=-5), "outside of the payload"),
        "frame-length-overflow": (changed("bin/runc", length=2**63 - 1), "outside of the payload"),
        "frame-overlap": (shifted("bin/runc", offset=-3, length=3), "overlaps"),
        "frame-gap": (make.with_gap("bin/runc"), "nothing is known of the bytes"),
        "frame-gap-before-index": (make.with_gap("index"), "before the index"),
        "frame-of-one-content-twice": (make.repeated_content(), "are not one content"),
        "frame-of-one-content-two-sizes": (
            changed("bin/runc", sha256=sample().entry("bin/cni")["sha256"]),
            "are not one content",
        ),
        "frame-of-one-content-two-digests": (make.shared_content_two_digests(), "are not one content"),
    }


def contents() -> dict[str, tuple[Sample, str]]:
    """Frames that only decompressing shows to be wrong."""
    tree: make.Tree = {"bin/runc": TREE["bin/runc"]}
    return {
        "content-bit": (make.flipped_frame(), "the payload is damaged at bin/runc"),
        "content-bit-known": (make.flipped_frame(known=True), "the payload is damaged at bin/runc"),
        "content-other": (make.other_content(), "the content has SHA-256"),
        "content-digest": (changed("bin/runc", sha256="a" * 64), "the content has SHA-256"),
        "content-other-frame": (make.other_frame(), "the frame has SHA-256"),
        "content-frame-digest": (changed("bin/runc", frame_sha256="a" * 64), "the frame has SHA-256"),
        "content-shorter": (changed("bin/runc", size=len(make.RUNC) + 1), "size that the index names"),
        "content-no-frame": (sample(tree, frame=lambda content: content), "damaged at bin/runc"),
        "content-two-frames": (
            sample(tree, frame=lambda content: make.compress(content[:9]) + make.compress(content[9:])),
            "size that the index names",
        ),
        "content-frame-and-more": (
            sample(tree, frame=lambda content: make.compress(content) + make.compress(b"more")),
            "more bytes follow",
        ),
        "content-frame-and-rest": (
            sample(tree, frame=lambda content: make.compress(content) + b"rest"),
            "damaged at bin/runc",
        ),
        "content-frame-and-skippable": (
            sample(tree, frame=lambda content: make.compress(content) + b"\x50\x2a\x4d\x18\4\0\0\0rest"),
            "more bytes follow",
        ),
        "content-frame-and-empty": (
            sample(tree, frame=lambda content: make.compress(content) + make.compress(b"")),
            "more bytes follow",
        ),
        "content-without-checksum": (
            sample(tree, frame=lambda content: make.compress(content, checksum=False)),
            "no checksum",
        ),
        "content-without-size": (
            sample(tree, frame=lambda content: make.compress(content, size=False)),
            "size that the index names",
        ),
        "content-window": (sample(tree, frame=make.wide_frame), "window above 8 MiB"),
    }


def table() -> dict[str, tuple[bytes, Verdict]]:
    """Every sample by name, with its verdict."""
    made = {name: (data, Verdict(name, "ok", "", "")) for name, data in good().items()}
    made |= {name: (data, Verdict(name, "absent", "open", "carries no helpers")) for name, data in absent().items()}
    made |= {name: (data, Verdict(name, "damaged", "open", says)) for name, (data, says) in cut().items()}
    for group in (footers(), indexes(), files(), frames()):
        for name, (one, says) in group.items():
            verdict = "unsupported" if "has format" in says else "damaged"
            made[name] = one.pack(), Verdict(name, verdict, "open", says)
    for name, (data, says) in bundles().items():
        verdict = "unsupported" if "has format" in says else "damaged"
        made[name] = data, Verdict(name, verdict, "open", says)
    made |= {name: (one.pack(), Verdict(name, "damaged", "verify", says)) for name, (one, says) in contents().items()}
    other = make.with_bundle(sample().pack(), digest=b"d" * 32)
    made["bundle-other"] = (
        other,
        Verdict("bundle-other", "damaged", "verify", "bundle of images does not have the SHA-256"),
    )
    return made


def write(directory: Path) -> None:
    """Write all samples and verdicts.json."""
    samples = directory / "samples"
    samples.mkdir(exist_ok=True)
    made = table()
    for old in samples.iterdir():
        old.unlink()
    for name, (data, _) in made.items():
        (samples / name).write_bytes(data)
    lines = ",\n".join(json.dumps(asdict(verdict)) for _, verdict in made.values())
    (directory / "verdicts.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    write(HERE)
