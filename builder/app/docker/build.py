"""The builder starts itself again, in a container; what happens there is told as if it happened here."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import docker

from builder.app.docker.surroundings import environment, named_files, shares
from builder.app.make import targets_of
from builder.app.session import Session
from builder.app.wanted import Wanted
from builder.containers.daemon import connected
from builder.containers.image import MadeImage, named_image, require_pinned
from builder.containers.run import Job, Listener, run_job
from builder.core.errors import BuilderError, ExitCode
from builder.core.events import BuildFinished, Event, EventSink, PlanMade, from_json
from builder.core.output import Output
from builder.exec.signals import cancel_on_signals
from builder.oci.platform import Platform
from builder.steps.kinds.rootfs import OUTPUT as ROOTFS_FILE

_RECIPE = "executor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What to build inside: the command line `arguments` of the builder, which `reads` and `writes` paths of this machine.

    `image` is the user's, pinned; without one it is made. `said` hears what the builder writes to its standard error.
    """

    arguments: Sequence[str]
    reads: Sequence[Path]
    writes: Sequence[Path]
    network: bool
    said: Callable[[bytes], None]
    image: str | None = None


class InsideError(BuilderError):
    """The builder in the container ended badly, and has told why."""

    told_by_events = True

    def __init__(self, code: int) -> None:
        super().__init__(f"the build in the container ended with {code}")
        self.exit_code = ExitCode(code)


def build_inside(session: Session, inside: Inside) -> None:
    """Run the builder in a container; raises what it ended with, where that is not well."""
    project = session.project
    if inside.image:
        require_pinned(inside.image)
    with connected(project.environment) as client:
        for place in (project.cache, *inside.writes):
            _make_directory(place)
        image = named_image(client, inside.image) if inside.image else _made_image(session, client)
        variables = environment(project, image)
        reads = (project.root, *inside.reads, *named_files(variables))
        job = Job(
            image=image,
            argv=[str(project.root / "builderw"), *inside.arguments],
            environment=variables,
            cwd=Path.cwd(),
            shares=shares(reads, (project.cache, *inside.writes)),
            network=inside.network,
        )
        events = _Events(sink=session.sink)

        def say(piece: bytes) -> None:
            if not session.cancel.is_set():  # which is told here
                inside.said(piece)

        with cancel_on_signals(session.cancel):
            code = run_job(client, job, Listener(out=events.hear, err=say), session.cancel)
    _raise_for(code, session)


def _make_directory(place: Path) -> None:
    """Only what exists can be shared, and the daemon would make it for root."""
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuilderError(f"{place}: {error.strerror}", hint="the container is to write there, as you") from None


def _raise_for(code: int, session: Session) -> None:
    if code != ExitCode.OK:
        session.cancel.check()
    if code in list(ExitCode):
        if code != ExitCode.OK:
            raise InsideError(code)
        return
    raise BuilderError(
        f"the builder in the container ended with exit status {code}",
        hint="the image must have /bin/sh, coreutils, and Python 3.11 or newer with venv: see Dockerfile.build",
    )


def _made_image(session: Session, client: docker.APIClient) -> str:
    """The id of the image that is made of the recipe for it, at the daemon."""
    workspace = session.project.open(_RECIPE)
    wanted = Wanted(archs=[session.host], outputs=[Output.ROOTFS])
    (target,) = targets_of(workspace, wanted)
    settings = replace(session.settings, sharing=None)
    with Session(session.project, settings, sink=_without_frame(session.sink)) as making:
        entry = making.build([target.step]).entry(target.step)
    digest = next(node.digest for node in entry.file.nodes if node.path == ROOTFS_FILE)
    if digest is None:
        raise BuilderError(f"{entry.output / ROOTFS_FILE} is no file")
    made = MadeImage(
        rootfs=entry.output / ROOTFS_FILE,
        layer=digest,
        platform=Platform.of(session.host),
        epoch_s=workspace.lock.epoch_s,
    )
    return made.ensure(client)


def _without_frame(sink: EventSink) -> EventSink:
    """What is told of making the image belongs to the build that wants it: its beginning and end are not told."""

    def tell(event: Event) -> None:
        if not isinstance(event, PlanMade | BuildFinished):
            sink(event)

    return tell


@dataclass(slots=True, kw_only=True)
class _Events:
    """Lines of events, out of pieces."""

    sink: EventSink
    rest: bytes = field(default=b"")

    def hear(self, piece: bytes) -> None:
        *lines, self.rest = (self.rest + piece).split(b"\n")
        for line in lines:
            self.sink(from_json(json.loads(line)))
