"""Files of a checkout that a recipe lays over packages: what is not there, and what makes a step run again."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from builder.app.make import targets_of
from builder.app.wanted import Wanted
from builder.app.workspace import open_workspace
from builder.core.arch import Arch
from builder.core.errors import RecipeError
from builder.core.output import Output
from builder.steps.step import Step

ROOT = Path(__file__).parents[3]
PROFILES = ("docs", "firmware", "locales", "man", "modules")
RECIPE = f"""\
extends: {ROOT}/recipes/edge.yaml
name: gateway
rootfs:
  overlays:
    base: null
    boot: null
    distribution: null
    common: {{directory: overlays/common}}
    small: {{directory: overlays/small, architectures: [armv7]}}
  files:
    /etc/app.conf: {{template: app.conf.j2}}
    /etc/issue: {{source: issue, mode: "0600"}}
    /etc/motd: {{content: "hello"}}
  variables: {{log_level: info}}
  units:
    device-slot-good.service: null
    kedge-controller.service: null
    kedge-os-gate.service: null
    kedge-single.service: null
    kedge-worker.service: null
  users:
    ada: {{groups: [sudo]}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    for name in ("overlays/common/etc/x", "overlays/small/etc/y", "app.conf.j2", "issue"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    path = tmp_path / "gateway.yaml"
    path.write_text(RECIPE)
    return path


def rootfs(recipe: Path, arch: Arch = Arch.ARM64, *overrides: str) -> Step[Any]:
    workspace = open_workspace(recipe, overrides)
    (target,) = targets_of(workspace, Wanted(archs=[arch], outputs=[Output.ROOTFS]))
    return target.step


def laid(step: Step[Any]) -> Mapping[str, Path]:
    return {
        name: source.path
        for name, source in step.sources.items()
        if not name.startswith(("knowledge/", "slim/", "audit/"))
    }


def test_what_is_laid_over_packages_are_sources_of_the_step(recipe: Path) -> None:
    place = recipe.parent
    assert laid(rootfs(recipe)) == {
        "files/etc/app.conf": place / "app.conf.j2",
        "files/etc/issue": place / "issue",
        "overlay/common/etc/x": place / "overlays/common/etc/x",
    }
    assert "overlay/small/etc/y" in laid(rootfs(recipe, Arch.ARMV7))
    slim = [name for name in rootfs(recipe).sources if name.startswith("slim/")]
    assert slim == ["slim/0/docs.yaml", "slim/0/locales.yaml", "slim/0/man.yaml", "slim/0/modules.yaml"]


def test_facts_are_named_after_what_people_know(recipe: Path) -> None:
    facts = rootfs(recipe).facts
    assert facts["input.customization.overlays[0].entries.etc/x.mode"] == "0644"
    assert facts["input.customization.files.etc/motd.text"] == "hello"
    assert facts["input.customization.files.etc/issue.mode"] == "0600"
    assert facts["input.customization.variables.log_level"] == "info"
    assert facts["input.customization.accounts[0].name"] == "ada"
    assert not any(str(recipe.parent) in value for value in facts.values())


@pytest.mark.parametrize(
    "change",
    [
        lambda place: (place / "overlays/common/etc/x").write_text("other"),
        lambda place: (place / "overlays/common/etc/x").chmod(0o755),
        lambda place: (place / "overlays/common/empty").mkdir(),
        lambda place: (place / "overlays/common/link").symlink_to("x"),
        lambda place: (place / "overlays/common/.overlay.yaml").write_text('/etc/x: {mode: "0600"}\n'),
        lambda place: (place / "app.conf.j2").write_text("other"),
        lambda place: (place / "issue").write_text("other"),
    ],
)
def test_everything_about_them_makes_the_step_run_again(recipe: Path, change: Callable[[Path], None]) -> None:
    before = rootfs(recipe).key
    assert rootfs(recipe).key == before
    change(recipe.parent)
    assert rootfs(recipe).key != before


def test_where_a_link_leads_makes_the_step_run_again(recipe: Path) -> None:
    link = recipe.parent / "overlays/common/link"
    link.symlink_to("x")
    before = rootfs(recipe).key
    link.unlink()
    link.symlink_to("y")
    assert rootfs(recipe).key != before


@pytest.mark.parametrize(
    "override",
    [
        "rootfs.variables.log_level=debug",
        "rootfs.users.ada.groups=[adm]",
        "rootfs.time_zone=Europe/Berlin",
        "rootfs.slim=[docs]",
        "rootfs.units={ssh.service: masked}",
    ],
)
def test_sections_make_the_step_run_again(recipe: Path, override: str) -> None:
    assert rootfs(recipe, Arch.ARM64, override).key != rootfs(recipe).key


def test_reasons_say_where_settings_were_written(recipe: Path) -> None:
    recipe.write_text(recipe.read_text() + "  time_zone: Europe/Berlin\n  sysctl: {net.ipv4.ip_forward: '1'}\n")
    for engine in ("declarative", "mmdebstrap"):
        step = rootfs(recipe, Arch.ARM64, f"rootfs.engine={engine}")
        origins = {name: place for name, place in step.origins.items() if name.startswith("input.")}
        assert set(origins) <= set(step.facts)
        told = {name: place for name, place in origins.items() if not place.startswith("recipes/device.yaml:")}
        assert set(origins) - set(told) >= {"input.customization.sysctl.kernel.panic"}
        assert told == {
            "input.customization.time_zone": f"{recipe}:23:14",
            "input.customization.locale": "default",
            "input.customization.variables.log_level": f"{recipe}:14:26",
            "input.customization.sysctl.net.ipv4.ip_forward": f"{recipe}:24:33",
        }


def test_other_architectures_overlays_do_not(recipe: Path) -> None:
    before, other = rootfs(recipe).key, rootfs(recipe, Arch.ARMV7).key
    (recipe.parent / "overlays/small/etc/y").write_text("other")
    assert rootfs(recipe).key == before
    assert rootfs(recipe, Arch.ARMV7).key != other


def test_what_mmdebstrap_makes_is_customized_alike(recipe: Path) -> None:
    step = rootfs(recipe, Arch.ARM64, "rootfs.engine=mmdebstrap")
    assert laid(step) == laid(rootfs(recipe))
    assert step.id == "gateway/arm64/rootfs"
    assert step.needs["bootstrapped"].id == "gateway/arm64/bootstrapped"


def test_all_that_is_missing_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(RECIPE)
    with pytest.raises(RecipeError) as caught:
        open_workspace(path, ("rootfs.slim=[docs, mann]",))
    places = [str(tmp_path / name) for name in ("overlays/common", "overlays/small", "app.conf.j2", "issue")]
    assert list(caught.value.details) == [
        f"{path}:8:25: there is no directory {places[0]}",
        f"{path}:9:24: there is no directory {places[1]}",
        f"{path}:11:31: there is no file {places[2]}",
        f"{path}:12:26: there is no file {places[3]}",
        "--set rootfs.slim=[docs, mann]: there is no slim profile 'mann'; did you mean 'man'? known: "
        + ", ".join(PROFILES),
    ]


def test_mistakes_in_overlays_are_told_before_anything_is_built(recipe: Path) -> None:
    (recipe.parent / "overlays/common/etc/x").chmod(0o4755)
    with pytest.raises(RecipeError, match="overlays hold what a root file system cannot get from them"):
        open_workspace(recipe, ())


def test_plans_need_no_jinja2(recipe: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from builder.app.workspace import open_workspace;"
        " from builder.app.make import plan_build, targets_of; from builder.app.wanted import Wanted;"
        f" targets_of(open_workspace(Path({str(recipe)!r}), ()), Wanted());"
        " print([name for name in ('jinja2', 'cryptography') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
