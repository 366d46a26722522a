"""The `cluster` section: a distribution of Kubernetes in one executable, built here or imported ready-made."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from builder.core.resources import Resources, parse_size
from builder.recipe.helpers import CLibrary, ClosedSet, Helper
from builder.recipe.section import LocatedPath, NamedArch, Section, Unique
from builder.recipe.shapes import (
    BuildTag,
    CommandWord,
    DevicePath,
    DnsLabel,
    FileName,
    ModulePath,
    ModuleVersion,
    PackagePath,
    SemVer,
    Sha256Hex,
    SizeText,
    TemplateText,
    UrlText,
    VariableName,
)


def _some_memory(text: str) -> str:
    if parse_size(text) < 1:
        raise PydanticCustomError("no_memory", "must be more than nothing")
    return text


class Component(Section):
    """One upstream project that is linked into the executable or its helpers."""

    version: ModuleVersion = Field(description="Version of the Go module; raise it to take a fix, no source is edited.")
    module: ModulePath = Field(description="Path of the Go module, with its major version suffix where it has one.")
    together: Annotated[tuple[ModulePath, ...], *Unique] = Field(
        default=(), description="Further Go modules of the same project, which take the same version."
    )
    staging: bool = Field(
        default=False,
        description=(
            "Whether the module's own go.mod replaces sibling modules by relative paths, as Kubernetes does. Each of"
            " them is then required at v0.MINOR.PATCH; which they are is read from that go.mod when locking."
        ),
    )

    @property
    def major(self) -> str:
        """The first number of the version."""
        return self.version.lstrip("v").split(".")[0]

    @property
    def minor(self) -> str:
        """The second number of the version."""
        return self.version.split(".")[1]


class Patch(Section):
    """A change to a Go module's source, for a fix that no release has yet."""

    module: ModulePath = Field(description="Path of the Go module that is changed; the build must use it.")
    file: LocatedPath = Field(
        description=(
            "The change as a unified diff, its paths relative to the module's root with one leading component (`a/`,"
            " `b/`). A hunk that does not fit the module's version fails the build and is shown."
        )
    )


class BuildResources(Section):
    """What one link of the executable needs. The scheduler never lets the sum pass what the machine has."""

    cores: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="Cores that are kept for one build; where others are idle, it uses them too.",
    )
    memory: Annotated[SizeText, AfterValidator(_some_memory)] = Field(
        default="6 GiB", description="Memory at the peak of one build; linking takes most of it."
    )

    def as_resources(self) -> Resources:
        """The same in cores and bytes."""
        return Resources(cores=self.cores, memory_bytes=parse_size(self.memory))


class Token(Section):
    """How a node is told whom to join."""

    option: CommandWord = Field(description="Option that takes the path of the token's file.")
    encoding: CommandWord = Field(
        default="kubeconfig-gzip-base64",
        description="What the file holds: `kubeconfig-gzip-base64` is a kubeconfig, compressed, then encoded.",
    )


class Device(Section):
    """How a device runs the executable: what images, units and provisioning need to know of a distribution."""

    roles: Mapping[DnsLabel, tuple[CommandWord, ...]] = Field(
        default={}, description="Arguments that start each role, such as `controller` and `worker`."
    )
    config_file: DevicePath | None = Field(default=None, description="The configuration file that a controller reads.")
    data_dir: DevicePath | None = Field(default=None, description="Directory in which everything is kept.")
    bundle_dir: DevicePath | None = Field(
        default=None, description="Directory whose OCI image bundles are imported when a worker starts."
    )
    token: Token | None = Field(default=None, description="How a node is told whom to join.")
    kernel_needs: LocatedPath | None = Field(
        default=None,
        description="A JSON file that says what the kernel must have; kernels of root file systems are judged by it.",
    )


class _Distribution(Section):
    """What a built and an imported executable have in common."""

    name: FileName = Field(description="File name of the executable.")
    version: SemVer = Field(description="Version of the executable itself.")
    device: Device = Field(default=Device(), description="How a device runs the executable.")


class BuiltCluster(_Distribution):
    """An executable that is compiled: where its source lies, what is linked into it, and which versions it reports."""

    source: LocatedPath = Field(
        description="Directory of the executable's Go module; relative paths start at the file that names them."
    )
    package: PackagePath = Field(default="./cmd/kedge", description="Main package of the executable inside `source`.")
    tags: Annotated[tuple[BuildTag, ...], *Unique] = Field(
        default=(), description="Go build tags; they leave parts of the executable out or put others in."
    )
    components: Mapping[DnsLabel, Component] = Field(
        min_length=1, description="Upstream projects by the name that templates and messages use."
    )
    patches: tuple[Patch, ...] = Field(
        default=(), description="Changes to Go modules, applied in this order before anything is compiled."
    )
    helpers: Mapping[FileName, Helper] = Field(
        default={}, description="Small executables that are compiled and carried inside the executable."
    )
    closed_sets: Mapping[FileName, ClosedSet] = Field(
        default={}, description="Executables of Debian that are carried inside the executable, as `bin/NAME`."
    )
    libraries: Mapping[DnsLabel, CLibrary] = Field(
        default={}, description="C libraries by the name that links them: `seccomp` for libseccomp.a."
    )
    variables: Mapping[VariableName, TemplateText] = Field(
        default={},
        description=(
            "String variables that the linker sets, by import path and name. Values are templates:"
            " `{version}` is the version of the executable, `{NAME.version}`, `{NAME.major}` and `{NAME.minor}` that of"
            " a component, `{date}` the lock's date in RFC 3339; `{{` and `}}` stand for braces."
        ),
    )
    resources: BuildResources = Field(
        default=BuildResources(), description="Cores and memory that one build of the executable needs."
    )


class ImportedFile(Section):
    """One ready-made executable: a file or a URL, and the digest that it must have."""

    file: LocatedPath | None = Field(default=None, description="Path of the file; either this or `url`.")
    url: UrlText | None = Field(
        default=None, description="Address that the file is fetched from; either this or `file`."
    )
    sha256: Sha256Hex = Field(description="SHA-256 of the file. Anything else is refused.")


class ImportedCluster(_Distribution):
    """An executable that somebody else compiled. It passes the same audit as one that is built here."""

    executables: Mapping[NamedArch, ImportedFile] = Field(
        min_length=1, description="The executable for each architecture of the recipe."
    )


def cluster_form(value: object) -> str:
    """Which of the two forms `value` is written in: naming `executables` makes it an imported one."""
    if isinstance(value, ImportedCluster) or (isinstance(value, Mapping) and "executables" in value):
        return IMPORTED
    return BUILT


BUILT = "built"
IMPORTED = "imported"
CLUSTER_FORMS: Mapping[str, type[Section]] = {BUILT: BuiltCluster, IMPORTED: ImportedCluster}
Cluster = Annotated[
    Annotated[BuiltCluster, Tag(BUILT)] | Annotated[ImportedCluster, Tag(IMPORTED)], Discriminator(cluster_form)
]
