"""What licences ask for, taken out of packages, C sources and Go modules by steps of a real build."""

import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builder.app.project import Project
from builder.app.session import Session, Settings
from builder.io.files import remove_tree
from builder.steps.context import StepContext
from builder.steps.kinds.legal import (
    MODULES_LEGAL,
    PACKAGE_LEGAL,
    SOURCE_LEGAL,
    TOOLCHAIN_LEGAL,
    ModulesLegalInput,
    PackageLegalInput,
    SourceLegalInput,
    ToolchainLegalInput,
)
from builder.steps.step import Step, StepKind
from tests.integration.app.driver import tree
from tests.unit.rootfs.samples import directory, file, link, make_deb, unpacked


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Files of the test."""

    place: str


def _give(given: Given, context: StepContext) -> None:
    shutil.copytree(given.place, context.output, dirs_exist_ok=True)


def given(place: Path) -> Step[Given]:
    """A step whose output is what lies in `place`."""
    return Step(
        id=f"given/{place.name}", kind=StepKind(name="given", version=1, run=_give), input=Given(place=str(place))
    )


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    project = Project(root=tmp_path, cache=tmp_path / "cache", environment={})
    with Session(project, Settings()) as session:
        yield session
    remove_tree(tmp_path / "cache")


def made(session: Session, step: Step[Any]) -> dict[str, bytes]:
    return tree(session.obtain(step))


def package_step(role: str, place: Path, name: str) -> Step[PackageLegalInput]:
    return Step(id=f"legal/{role}", kind=PACKAGE_LEGAL, input=PackageLegalInput(file=name), needs={role: given(place)})


def test_a_packages_copyright_and_source(session: Session, tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    members = [
        directory("./usr/share/doc/app"),
        file("./usr/share/doc/app/copyright", b"mine\n"),
        file("./usr/share/common-licenses/GPL-2", b"gpl\n"),
        file("./usr/share/doc/app/README", b"no\n"),
    ]
    deb = make_deb(
        tmp_path / "pool", "app", members, Source="suite (1:2.0-1)", Version="1:2.0-1+b3", Architecture="armhf"
    )
    packed = made(session, package_step("package", tmp_path / "pool", deb.name))
    assert json.loads(packed.pop("package.json")) == {
        "name": "app",
        "version": "1:2.0-1+b3",
        "architecture": "armhf",
        "source": "suite",
        "source_version": "1:2.0-1",
        "copyright_of": "app",
    }
    files = {name: data for name, data in packed.items() if name != "common-licenses"}
    assert files == {"copyright": b"mine\n", "common-licenses/GPL-2": b"gpl\n"}
    content = made(session, package_step("content", unpacked(deb), deb.name))
    assert content["copyright"] == b"mine\n"


def test_a_package_may_refer_to_another(session: Session, tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    deb = make_deb(tmp_path / "pool", "app-data", [link("./usr/share/doc/app-data", "app")])
    found = made(session, package_step("package", tmp_path / "pool", deb.name))
    told = json.loads(found["package.json"])
    assert (told["copyright_of"], told["source"], told["source_version"]) == ("app", "app-data", "1.0")
    assert set(found) == {"package.json"}


def test_texts_of_modules_are_those_of_their_top_directory(session: Session, tmp_path: Path) -> None:
    place = tmp_path / "proxy/example.org/a/@v"
    place.mkdir(parents=True)
    with zipfile.ZipFile(place / "v1.0.0.zip", "w") as archive:
        for name in ("LICENSE", "NOTICE.txt", "license.go", "README.md", "vendor/x/LICENSE"):
            archive.writestr(f"example.org/a@v1.0.0/{name}", name)
    step = Step(
        id="legal/modules", kind=MODULES_LEGAL, input=ModulesLegalInput(), needs={"modules": given(tmp_path / "proxy")}
    )
    found = made(session, step)
    assert found == {"example.org/a@v1.0.0/LICENSE": b"LICENSE", "example.org/a@v1.0.0/NOTICE.txt": b"NOTICE.txt"}


def test_texts_of_c_sources(session: Session, tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    with tarfile.open(tmp_path / "sources/lib_1.orig.tar.gz", "w:gz") as archive:
        for name in ("lib-1/COPYING", "lib-1/lib.c", "lib-1/tests/LICENSE"):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    step = Step(
        id="legal/source",
        kind=SOURCE_LEGAL,
        input=SourceLegalInput(file="lib_1.orig.tar.gz"),
        needs={"archive": given(tmp_path / "sources")},
    )
    assert made(session, step) == {"COPYING": b"lib-1/COPYING"}


def test_texts_of_toolchains(session: Session, tmp_path: Path) -> None:
    for name in (
        "LICENSE",
        "go.env",
        "src/LICENSE",
        "zig-1.dist-info/licenses/zig/lib/musl/COPYRIGHT",
        "zig-1.dist-info/RECORD",
    ):
        path = tmp_path / "toolchain" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    needs = {"toolchain": given(tmp_path / "toolchain")}
    step = Step(id="legal/toolchain", kind=TOOLCHAIN_LEGAL, input=ToolchainLegalInput(), needs=needs)
    assert set(made(session, step)) == {"LICENSE", "zig/lib/musl/COPYRIGHT"}
