from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import BuilderError
from builder.gobuild.build import GoBuild
from builder.gobuild.command import Go, target_environment
from builder.io.leash import Leash
from builder.io.spawn import CommandError, Runner

ELF = b"\x7fELF\x02\x01" + bytes(12)


def executable_for(arch: Arch) -> bytes:
    return ELF + ARCH_FACTS[arch].elf_machine.to_bytes(2, "little")


def build(arch: Arch = Arch.ARMV7, **changes: object) -> GoBuild:
    values: dict[str, object] = {
        "name": "tiny", "arch": arch, "package": "./cmd/tiny", "tags": (), "variables": {}, "cores": 3, **changes
    }  # fmt: skip
    return GoBuild(**values)  # type: ignore[arg-type]


class Place:
    """A directory with a program in place of the Go command: a shell script that the test writes."""

    def __init__(self, root: Path, leash: Leash) -> None:
        self.root = root
        for name in ("goroot/bin", "output", "source", "scratch"):
            (root / name).mkdir(parents=True)
        self.go = Go(
            goroot=root / "goroot",
            build_cache=root / "build",
            module_cache=root / "mod",
            scratch=root / "scratch",
            runner=Runner(log=root / "log", leash=leash),
        )

    def script(self, text: str) -> None:
        program = self.root / "goroot/bin/go"
        program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{text}\n")
        program.chmod(0o755)

    def run(self, wanted: GoBuild) -> Path:
        return wanted.run(
            self.go, module_directory=self.root / "source", modules=self.root / "proxy", output=self.root / "output"
        )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Leash() as leash:
        yield Place(tmp_path / "a place", leash)


@pytest.mark.parametrize(
    ("arch", "expected"),
    [
        (Arch.ARMV7, {"GOARCH": "arm", "GOARM": "7"}),
        (Arch.ARM64, {"GOARCH": "arm64", "GOARM64": "v8.0"}),
        (Arch.AMD64, {"GOARCH": "amd64", "GOAMD64": "v1"}),
    ],
)
def test_the_target_is_named_to_its_feature_level(arch: Arch, expected: dict[str, str]) -> None:
    environment = target_environment(arch)
    assert environment["GOOS"] == "linux"
    assert expected.items() <= environment.items()


def test_the_options_of_a_build() -> None:
    wanted = build(tags=("slim", "nosystemd"), variables={"b.B": "two words", "a.A": "1"})
    assert wanted.options(Path("/out/tiny")) == [
        "-v",
        "-trimpath",
        "-buildvcs=false",
        "-mod=readonly",
        "-p=3",
        "-tags=slim,nosystemd",
        "-ldflags=-s -w -buildid= -X 'a.A=1' -X 'b.B=two words'",
        "-o=/out/tiny",
    ]


def test_nothing_of_the_user_reaches_the_go_command(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOFLAGS", "-race")
    monkeypatch.setenv("GOEXPERIMENT", "x")
    (place.root / "output/tiny").write_bytes(executable_for(Arch.ARMV7))
    place.script("env > environment")
    place.run(build())
    told = dict(line.split("=", 1) for line in (place.root / "source/environment").read_text().splitlines())
    assert told["GOFLAGS"] == ""
    assert told["GOENV"] == told["GOSUMDB"] == told["GOWORK"] == told["GOTELEMETRY"] == "off"
    assert told["GOPROXY"] == (place.root / "proxy").as_uri()
    assert told["GOTOOLCHAIN"] == "local"
    assert told["CGO_ENABLED"] == "0"
    assert "GOEXPERIMENT" not in told
    assert "HOME" not in told


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", executable_for(Arch.AMD64)])
def test_an_executable_for_something_else_is_refused(place: Place, content: bytes) -> None:
    (place.root / "output/tiny").write_bytes(content)
    place.script("true")
    with pytest.raises(BuilderError, match="the build for armv7 made something else"):
        place.run(build())


def test_an_error_is_told_without_the_packages_that_went_well(place: Place) -> None:
    many = "for number in $(seq 200); do echo example.org/package$number/sub >&2; done"
    place.script(f"echo '# tiny/broken' >&2; echo 'broken.go:3:5: undefined: x' >&2; {many}; exit 1")
    with pytest.raises(CommandError) as caught:
        place.run(build())
    assert caught.value.details == ("# tiny/broken", "broken.go:3:5: undefined: x")
    assert caught.value.failure.exit_status == 1


def test_an_untidy_module_gets_a_hint(place: Place) -> None:
    place.script("echo 'main.go:7:2: a@v1: missing go.sum entry for go.mod file' >&2; exit 1")
    with pytest.raises(CommandError) as caught:
        place.run(build())
    assert caught.value.hint.startswith("go.mod and go.sum do not fit the source")
