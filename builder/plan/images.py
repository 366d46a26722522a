"""The steps that make container images, and the bundle of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import RecipeError
from builder.core.resources import MIB, Resources, parse_size
from builder.oci.documents import Compression, RunSettings
from builder.plan.built import GoWorkshop
from builder.plan.helpers import HelperWorkshop
from builder.plan.imported import import_step
from builder.plan.inputs import Inputs
from builder.plan.pulled import archived_step, daemon_step, pulled_steps
from builder.plan.rootfs import RootfsWorkshop
from builder.plan.toolchains import zig_step
from builder.recipe.cluster import BuiltCluster
from builder.recipe.images import Image, ImageFile, ImageLayer, Pull
from builder.recipe.keypath import format_key_path
from builder.steps.kinds.c import C_PROGRAM, ProgramInput
from builder.steps.kinds.oci import (
    BUNDLE,
    IMAGE,
    LAYER,
    PACKAGES,
    RELEASE,
    BundleInput,
    ImageInput,
    LayerEntry,
    LayerInput,
    ReleaseInput,
)
from builder.steps.source import SourceFile
from builder.steps.step import Step
from builder.toolchain.wheels import Wheel

# zig compiling a small program; measured with libraries at 276 MiB.
_C = Resources(cores=1, memory_bytes=512 * MIB)
# zstd at level 15 with two threads and their windows.
_LAYER = Resources(cores=1, memory_bytes=512 * MIB)
_BUNDLE = Resources(cores=1, memory_bytes=128 * MIB)
_PROGRAM_MODE, _FILE_MODE = "0755", "0644"
_OCTAL = 8


@dataclass(frozen=True, kw_only=True)
class ImagesWorkshop:
    """Composes the steps of the images of the inputs' recipe; equal layers and programs are made once."""

    inputs: Inputs
    made: dict[Digest, Step[Any]] = field(default_factory=dict)

    def bundle(self, arch: Arch) -> Step[BundleInput]:
        """The step that makes the bundle for `arch`."""
        recipe = self.inputs.recipe
        holders: dict[str, Step[Any]] = {}
        for name in recipe.images:
            holders |= self.holders(name, arch)
        sources = self.inputs.image_files.manifests
        return Step(
            id=f"{recipe.name}/{arch}/bundle",
            kind=BUNDLE,
            input=BundleInput(
                name=bundle_name(self.inputs, arch),
                arch=arch,
                epoch_s=self.inputs.lock.epoch_s,
                system=self._system,
                part_bytes=parse_size(recipe.bundle.part_size) if recipe.bundle.part_size else None,
            ),
            needs=holders,
            sources=sources,
            resources=_BUNDLE,
            origins=self.inputs.places(sources),
        )

    def release(self, arch: Arch) -> Step[ReleaseInput] | None:
        """The step that says which images kedge needs itself, None where it needs none."""
        if not self._system:
            return None
        return Step(
            id=f"{self._name}/{arch}/images/release",
            kind=RELEASE,
            input=ReleaseInput(arch=arch, names=self._system),
            needs={name: self.holders(name, arch)[f"image.{name}"] for name in self._system},
        )

    def holders(self, name: str, arch: Arch) -> dict[str, Step[Any]]:
        """The steps that together hold the image `name` for `arch` and all of its blobs, by role."""
        image = self.inputs.recipe.images[name]
        if image.pull is Pull.REGISTRY:
            note, blobs = pulled_steps(self.inputs, name, image, arch)
            return {f"image.{name}": note, **{f"blob.{one.key.short}": self._once(one) for one in blobs}}
        if image.archive or image.pull is Pull.DAEMON:
            taking = archived_step if image.archive else daemon_step
            return {f"image.{name}": taking(self.inputs, name, image, arch, _compressor(Compression.ZSTD))}
        layers = {f"layer.{number}": step for number, step in enumerate(self._layers(name, image, arch))}
        step = self._built(name, image, arch, layers)
        return {f"image.{name}": step, **{f"blob.{one.key.short}": one for one in layers.values()}}

    def _built(self, name: str, image: Image, arch: Arch, layers: Mapping[str, Step[Any]]) -> Step[ImageInput]:
        return Step(
            id=f"{self._name}/{arch}/images/{name}",
            kind=IMAGE,
            input=ImageInput(
                reference=image.reference,
                arch=arch,
                epoch_s=self.inputs.lock.epoch_s,
                settings=_settings(image),
            ),
            needs=layers,
            origins=self._origins(name),
        )

    def _layers(self, name: str, image: Image, arch: Arch) -> Iterator[Step[LayerInput]]:
        for title, layer in (image.layers or {}).items():
            needs: dict[str, Step[Any]] = {}
            entries = [self._entry((name, title, path), file, arch, needs) for path, file in layer.files.items()]
            sources = self.inputs.image_files.layers.get((name, title), {})
            entries += _copied(layer, sources)
            if layer.packages:
                needs[PACKAGES] = self._rootfs.layer(f"{name}/{title}", layer.keep, arch)
            yield self._once(
                Step(
                    id=f"{self._name}/{arch}/images/{name}/layer-{title}",
                    kind=LAYER,
                    input=LayerInput(
                        epoch_s=self.inputs.lock.epoch_s,
                        compression=layer.compression,
                        compressor=_compressor(layer.compression),
                        entries=tuple(entries),
                    ),
                    needs=needs,
                    sources=sources,
                    resources=_LAYER,
                    origins=self.inputs.places(sources),
                )
            )

    def _entry(
        self, place: tuple[str, str, str], file: ImageFile, arch: Arch, needs: dict[str, Step[Any]]
    ) -> LayerEntry:
        """The entry of `file`; the step that makes it is added to `needs`."""
        path = place[2].lstrip("/")
        program = self._program(place, file, arch)
        if program:
            needs[f"program.{path}"] = program
        c_files = {name: source.digest for name, source in self.inputs.image_files.c[place].items()} if file.c else {}
        mode = file.mode or (_PROGRAM_MODE if program or file.directory else _FILE_MODE)
        return LayerEntry(
            path=path,
            mode=0o777 if file.link else int(mode, _OCTAL),
            uid=file.uid,
            gid=file.gid,
            capabilities=file.capabilities,
            need=f"program.{path}" if program else "",
            c_files=c_files,
            file=program.input.name if program else path if file.source else "",
            text=file.content or "",
            link=file.link or "",
            directory=bool(file.directory),
        )

    def _program(self, place: tuple[str, str, str], file: ImageFile, arch: Arch) -> Step[Any] | None:
        if file.c:
            return self._c_program(place, arch)
        if file.built:
            return self._built_program(place, file.built, arch)
        if file.go:
            name = PurePosixPath(place[2]).name
            step_id = f"{self._name}/{arch}/images/{place[0]}/{name}"
            return self._once(self._go(place).go.program(step_id, file.go, self.inputs.image_files.go[place], arch))
        return None

    def _c_program(self, place: tuple[str, str, str], arch: Arch) -> Step[ProgramInput]:
        sources = self.inputs.image_files.c[place]
        name = PurePosixPath(place[2]).name
        step = Step(
            id=f"{self._name}/{arch}/images/{place[0]}/{name}",
            kind=C_PROGRAM,
            input=ProgramInput(name=name, arch=arch, sources=tuple(sources)),
            needs={"zig": self._zig},
            sources=sources,
            resources=_C,
            origins=self.inputs.places(sources),
        )
        return self._once(step)

    def _built_program(self, place: tuple[str, str, str], name: str, arch: Arch) -> Step[Any]:
        """The cluster executable, or one of its helpers."""
        cluster = self.inputs.recipe.cluster
        if not isinstance(cluster, BuiltCluster):
            return import_step(self.inputs, cluster, arch)
        workshop = self._go(place)
        return workshop.go.executable(arch) if name == cluster.name else workshop.helper(name, arch)

    def _go(self, place: tuple[str, str, str]) -> HelperWorkshop:
        cluster = self.inputs.recipe.cluster
        if not isinstance(cluster, BuiltCluster):
            key = format_key_path(("images", place[0], "layers", place[1], "files", place[2]))
            raise RecipeError(
                f"{self.inputs.origin(key)}: {key}: the cluster executable is imported, nothing is built in Go"
            )
        return HelperWorkshop(go=GoWorkshop(inputs=self.inputs, cluster=cluster))

    def _once(self, step: Step[Any]) -> Step[Any]:
        """`step`, or the one that was composed before and makes the same."""
        return self.made.setdefault(step.key, step)

    def _origins(self, name: str) -> dict[str, str]:
        keys = {"input.reference": ("reference",), "input.settings.user": ("user",)}
        return {fact: self.inputs.origin(format_key_path(("images", name, *key))) for fact, key in keys.items()}

    @property
    def _system(self) -> dict[str, str]:
        """The references of the images that kedge needs itself, by name."""
        return {name: image.reference for name, image in self.inputs.recipe.images.items() if image.system}

    @cached_property
    def _rootfs(self) -> RootfsWorkshop:
        return RootfsWorkshop(inputs=self.inputs)

    @cached_property
    def _zig(self) -> Step[Wheel]:
        return zig_step(self.inputs.lock, self.inputs.host)

    @property
    def _name(self) -> str:
        return self.inputs.recipe.name


def bundle_name(inputs: Inputs, arch: Arch) -> str:
    """The file name of the bundle for `arch`."""
    return f"{inputs.recipe.cluster.name}-airgap-{arch}.tar"


def _copied(layer: ImageLayer, sources: Mapping[str, SourceFile]) -> Iterator[LayerEntry]:
    """Entries for the files of directories; executables stay so."""
    single = {path.lstrip("/") for path in layer.files}
    for path, source in sources.items():
        if path not in single:
            yield LayerEntry(path=path, mode=0o755 if source.executable else 0o644, file=path)


def _settings(image: Image) -> RunSettings:
    return RunSettings(
        entrypoint=image.entrypoint,
        command=image.command,
        user=image.user,
        environment=image.environment,
        working_dir=image.working_dir or "",
        ports=image.ports,
        labels=image.labels,
    )


def _compressor(compression: Compression) -> str:
    from builder.oci.layer import compressor_name  # noqa: PLC0415 - plans of other outputs need no compressor

    return compressor_name(compression)
