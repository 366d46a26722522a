"""Bundles of images: writing and proving them beside tar and sha256sum, pulling beside skopeo, what the system's own weighs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, sleep

from benchmarks.process import run
from benchmarks.pulling import IMAGES, open_pulling
from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting, cores_of
from benchmarks.stats import Series, interleave, tell
from builder.app.session import Session, Settings
from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.core.output import Output
from builder.core.resources import MIB
from builder.formats.tar import REGULAR, TarMember
from builder.io.files import remove_tree
from builder.oci.bundle import write_bundle
from builder.oci.documents import Compression, RunSettings
from builder.oci.image import NewImage
from builder.oci.layer import LayerFile, write_layer
from builder.oci.platform import Platform
from builder.oci.verify import Expected, verify_bundle
from builder.plan.toolchains import go_step

_ROUNDS = 5
# Longer than the coarsest times of files (builder/app/stamp.py).
_SETTLED_S = 3.0
_EPOCH_S = 1_700_000_000
_WRITE, _TAR = "writing bundles for three architectures", "tar of the same files"
_SHA256SUM = "sha256sum of the same bundle"
_NOTHING = "nothing changed: the whole command"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """Images of the same programs, and what is done with them, in the directory `place`."""

    place: Path
    cores: int

    def image(self, programs: Path, compression: Compression) -> Path:
        """A directory with an image that has the `programs` in a directory."""
        directory = self.place / compression
        directory.mkdir()
        members = [
            LayerFile(
                member=TarMember(
                    name=path.name, type=REGULAR, mode=0o755, mtime_s=_EPOCH_S, size_bytes=path.stat().st_size
                ),
                source=path,
            )
            for path in programs.iterdir()
        ]
        layer = write_layer(members, directory, compression, cores=self.cores)
        image = NewImage(
            reference=f"registry.example.com/{compression}:1",
            platform=Platform.of(Arch.AMD64),
            settings=RunSettings(),
            epoch_s=_EPOCH_S,
        )
        image.write(directory, [layer])
        return directory

    def written(self, images: Mapping[Arch, Path]) -> float:
        """Seconds to write a bundle for each architecture."""
        begin_s = perf_counter()
        for arch, image in images.items():
            self.target(arch).unlink(missing_ok=True)
            write_bundle([image], self.target(arch), epoch_s=_EPOCH_S)
        return perf_counter() - begin_s

    def archived(self, images: Mapping[Arch, Path]) -> float:
        """Seconds that tar takes for the same files."""
        begin_s = perf_counter()
        for arch, image in images.items():
            target = self.place / f"{arch}-by-tar.tar"
            target.unlink(missing_ok=True)
            run(["tar", "-C", str(image), "-cf", str(target), "blobs"], cwd=self.place, env={"PATH": "/usr/bin:/bin"})
        return perf_counter() - begin_s

    def target(self, arch: Arch) -> Path:
        return self.place / f"{arch}.tar"

    def verified(self, bundle: Path) -> float:
        """Seconds to prove a bundle complete."""
        begin_s = perf_counter()
        problems = verify_bundle(bundle, Expected(arch=Arch.AMD64), cores=self.cores)
        if problems:
            raise BuilderError("the bundle is not complete", details=[str(problem) for problem in problems])
        return perf_counter() - begin_s

    def hashed(self, bundle: Path) -> float:
        """Seconds that sha256sum takes."""
        return run(["sha256sum", str(bundle)], cwd=self.place, env={"PATH": "/usr/bin:/bin"}).duration_s


def measure(setting: Setting) -> Report:
    """Write, prove, and make again; everything that is compared is read from memory, as files that were just written are."""
    rounds = setting.rounds or _ROUNDS
    with setting.place() as place:
        bench = _Bench(place=place, cores=cores_of(2))
        programs = _programs(setting)
        tell("compressing layers ...")
        image = bench.image(programs, Compression.ZSTD)
        images = dict.fromkeys(Arch, image)
        size_bytes = sum(path.stat().st_size for path in (image / "blobs/sha256").iterdir())
        writing = interleave({_WRITE: lambda: bench.written(images), _TAR: lambda: bench.archived(images)}, rounds)
        measurements = [
            Measurement(name=_WRITE, unit=Unit.SECONDS, series=writing[_WRITE], against=_TAR),
            Measurement(name=_TAR, unit=Unit.SECONDS, series=writing[_TAR]),
        ]
        figures = [
            Figure(name=f"{_WRITE}, over tar", limit=1.5, unit=Unit.TIMES, series=writing[_WRITE].over(writing[_TAR]))
        ]
        for compression in Compression:
            source = image if compression is Compression.ZSTD else bench.image(programs, compression)
            bundle = place / f"{compression}.tar"
            write_bundle([source], bundle, epoch_s=_EPOCH_S)
            figure, found = _proven(bench, bundle, compression, rounds)
            figures.append(figure)
            measurements += found
        figures += _made(setting, place, rounds)
        pulled, times = _pulled(setting, place / "pulling", rounds)
        figures += pulled
        measurements += times
    return Report(
        group="airgap",
        figures=figures,
        measurements=measurements,
        notes=[
            f"A bundle of these has {size_bytes / MIB:.0f} MiB of layers: the programs of Go's toolchain, in one layer."
        ],
    )


def _programs(setting: Setting) -> Path:
    """The Go toolchain's own programs: executables of tens of megabytes, as those that images are made of."""
    with Session(setting.project, Settings()) as session:
        goroot = session.obtain(go_step(setting.project.open(setting.recipe).lock, session.host))
    (programs,) = (goroot / "pkg/tool").iterdir()
    return programs


def _proven(bench: _Bench, bundle: Path, compression: Compression, rounds: int) -> tuple[Figure, list[Measurement]]:
    verify, hashing = f"verify, layers of {compression}", f"{_SHA256SUM}, layers of {compression}"
    found = interleave({verify: lambda: bench.verified(bundle), hashing: lambda: bench.hashed(bundle)}, rounds)
    figure = Figure(
        name=f"{verify}, over sha256sum", limit=1.5, unit=Unit.TIMES, series=found[verify].over(found[hashing])
    )
    return figure, [
        Measurement(name=verify, unit=Unit.SECONDS, series=found[verify], against=hashing),
        Measurement(name=hashing, unit=Unit.SECONDS, series=found[hashing]),
    ]


def _pulled(setting: Setting, place: Path, rounds: int) -> tuple[list[Figure], list[Measurement]]:
    """Images out of a registry, with layers of their own and with one in common, beside skopeo."""
    figures: list[Figure] = []
    measurements: list[Measurement] = []
    with Session(setting.project, Settings()) as session, open_pulling(session, place) as pulling:
        for name, shared, limit in (("own", False, 1.2), ("shared", True, 1.0)):
            references = pulling.fill(name, shared=shared)
            pull = f"pulling {IMAGES} images, {'one layer in common' if shared else 'nothing in common'}"
            skopeo = f"skopeo copy of the same, {name}"
            cases = {pull: partial(pulling.by_builder, references), skopeo: partial(pulling.by_skopeo, references)}
            found = interleave(cases, rounds)
            figures.append(
                Figure(
                    name=f"{pull}, over skopeo",
                    limit=limit,
                    unit=Unit.TIMES,
                    series=found[pull].over(found[skopeo]),
                )
            )
            measurements += [
                Measurement(name=pull, unit=Unit.SECONDS, series=found[pull], against=skopeo),
                Measurement(name=skopeo, unit=Unit.SECONDS, series=found[skopeo]),
            ]
    return figures, measurements


def _made(setting: Setting, place: Path, rounds: int) -> list[Figure]:
    """The system's bundle: what it weighs, and what making it again costs where nothing changed."""
    checkout = setting.clone(place / "checkout", setting.project.cache)
    out = place / "out"
    command = [str(checkout.project.root / "builderw"), "make", "--target", Output.BUNDLE, "--out", str(out), "-q"]
    environment = dict(checkout.project.environment)
    # A build whose files changed a moment ago is looked at once more.
    sleep(_SETTLED_S)
    run(command, cwd=place, env=environment)
    again = Series.of(*(run(command, cwd=place, env=environment).duration_s for _ in range(rounds)))
    sizes = {arch: (out / f"edge/{arch}/bundle/kedge-airgap-{arch}.tar").stat().st_size for arch in Arch}
    remove_tree(out)
    return [
        Figure(name=_NOTHING, limit=0.2, unit=Unit.SECONDS, series=again),
        *(
            Figure(name=f"the system's bundle for {arch}", limit=5 * MIB, unit=Unit.BYTES, series=Series.of(size))
            for arch, size in sizes.items()
        ),
    ]
