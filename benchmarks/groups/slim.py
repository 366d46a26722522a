"""What each slim profile saves of a root file system, for each architecture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.checkout import Checkout
from benchmarks.report import Report, Table, Unit, format_value
from benchmarks.setting import Setting
from benchmarks.stats import tell
from builder.core.arch import Arch
from builder.core.output import Output
from builder.rootfs.compare import open_archive

_RECIPE = "edge"
_PROFILES = ("docs", "man", "locales", "firmware", "modules")
# What recipes/edge.yaml leaves out, and all that can be left out.
_DEFAULT = ("docs", "man", "locales")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weight:
    """The bytes of all contents, and how many names there are."""

    size_bytes: int
    names: int


def measure(setting: Setting) -> Report:
    """Make the default recipe with each profile; packages come from the user's cache, where a first build brings them."""
    sets: Sequence[tuple[str, ...]] = ((), *((name,) for name in _PROFILES), _DEFAULT, _PROFILES)
    weights: dict[tuple[tuple[str, ...], Arch], _Weight] = {}
    with setting.place() as place:
        checkout = setting.clone(place / "checkout", setting.project.cache)
        for profiles in sets:
            for arch in Arch:
                tell(f"{_title(profiles)} for {arch} ...")
                weights[profiles, arch] = _made(checkout, profiles, arch, place / "out")
    saved = [
        (_title(profiles), *(_saved(weights[(), arch], weights[profiles, arch]) for arch in Arch))
        for profiles in sets
        if profiles
    ]
    whole = ("nothing left out", *(_cell(weights[(), arch]) for arch in Arch))
    return Report(
        group="slim",
        figures=[],
        tables=[
            Table(
                title="What slim profiles save of the default recipe's root file systems: bytes of contents, and names",
                columns=("profile", *Arch),
                rows=[whole, *saved],
            )
        ],
        notes=[
            "Profiles: `recipes/debian/slim/`; what they leave out of more than one overlaps.",
            "The default recipe has no package of firmware, so that profile saves nothing of it.",
        ],
    )


def _made(checkout: Checkout, profiles: Sequence[str], arch: Arch, out: Path) -> _Weight:
    override = f"rootfs.slim=[{', '.join(profiles)}]"
    named = ("--arch", arch, "--target", Output.ROOTFS, "--set", override)
    checkout.builder("make", _RECIPE, *named, "--out", str(out), "-q")
    with open_archive(out / _RECIPE / arch / Output.ROOTFS / "rootfs.tar") as archive:
        members = archive.members.values()
        return _Weight(size_bytes=sum(member.size_bytes for member in members), names=len(members))


def _title(profiles: Sequence[str]) -> str:
    return " + ".join(profiles) or "nothing left out"


def _cell(weight: _Weight) -> str:
    return f"{format_value(weight.size_bytes, Unit.BYTES)}, {weight.names}"


def _saved(whole: _Weight, part: _Weight) -> str:
    """What is gone; the small files that say so are subtracted."""
    size_bytes, names = max(0, whole.size_bytes - part.size_bytes), max(0, whole.names - part.names)
    return _cell(_Weight(size_bytes=size_bytes, names=names))
