"""Runs scenarios: each makes a lab of its own, goes through its steps, and leaves nothing but what it tells."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from builder.app.lab.reach import kubectl_command
from builder.app.lab.up import LabWanted, lab_up, look_over, replace_card
from builder.app.scenarios.actions import act, machine_of, words_of
from builder.app.scenarios.find import Play
from builder.app.scenarios.stage import Deadline, StepError, Theatre, failure_of, scenario_log, told_as_failures
from builder.app.session import Session
from builder.core.errors import BuilderError, InterruptedBuildError
from builder.core.resources import Resources
from builder.io.locks import locked
from builder.io.spawn import Runner
from builder.lab.client import LabClient
from builder.lab.end import end_lab, end_leftover
from builder.lab.inside import controller_inside
from builder.lab.place import LabPlace, labs_directory
from builder.lab.plan import read_plan
from builder.lab.result import ScenarioResult, StepResult
from builder.lab.scenario import Step
from builder.vm.machine import TRANSCRIPT

Tell = Callable[[str], None]
# A lab's name is a label of at most 63 characters, of which the cluster's name is made.
_LONGEST_NAME = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A scenario whose lab is there, its machines still off: what will be `told` of it, and what is `kept` where."""

    play: Play
    place: LabPlace
    kept: Path
    told: ScenarioResult
    began_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer:
    """Runs scenarios with the images in `out`; transcripts go to `results`, a directory for each.

    `emulate`: no use of KVM.
    """

    session: Session
    out: Path
    results: Path
    tell: Tell
    now: Callable[[], datetime]
    emulate: bool = False

    def needs(self, play: Play) -> Resources:
        """Cores and memory of the machines of `play`; nothing where its lab cannot be made, which `prepare` tells of.

        What a run of it that was killed has left is ended.
        """
        wanted = self._wanted(play)
        try:
            end_leftover(LabPlace(path=labs_directory(self.session.project.cache) / wanted.name))
            return look_over(self.session, wanted).needs
        except BuilderError:
            return Resources(cores=0, memory_bytes=0)

    def prepare(self, play: Play) -> Prepared | ScenarioResult:
        """Make the lab of `play`; where that goes wrong, how."""
        began_s = time.monotonic()
        self._tell(play, play.written.value.title)
        kept = self.results / play.name
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        told = ScenarioResult(
            name=play.name, file=play.written.name, title=play.written.value.title, took_s=0.0, steps=()
        )
        try:
            place = lab_up(self.session, self._wanted(play), now=self.now(), tell=lambda text: self._tell(play, text))
        except InterruptedBuildError:
            raise
        except BuilderError as error:
            return told.model_copy(update={"error": str(error), "took_s": time.monotonic() - began_s})
        return Prepared(play=play, place=place, kept=kept, told=told, began_s=began_s)

    def perform(self, prepared: Prepared) -> ScenarioResult:
        """Run what was prepared; whatever goes wrong in it is in what is returned. Its lab is gone then."""
        place, told = prepared.place, prepared.told
        try:
            with locked(place.owner), self.session.bench("test") as (runner, _):
                told = self._steps(prepared, runner)
        except InterruptedBuildError:
            raise
        except BuilderError as error:
            # No step is to blame: the lab itself is gone.
            told = told.model_copy(update={"error": str(error)})
        finally:
            _keep(place, prepared.kept)
            end_lab(place)
        return told.model_copy(update={"took_s": time.monotonic() - prepared.began_s})

    def _wanted(self, play: Play) -> LabWanted:
        name = f"test-{play.name}"[:_LONGEST_NAME].rstrip("-")
        return LabWanted(written=play.lab, name=name, out=self.out, is_on=False, emulate=self.emulate)

    def _tell(self, play: Play, text: str) -> None:
        self.tell(f"{play.name}: {text}")

    def _steps(self, prepared: Prepared, runner: Runner) -> ScenarioResult:
        play, place = prepared.play, prepared.place
        client = LabClient(place)
        has_cluster, inside = place.kubeconfig.exists(), controller_inside(read_plan(place.plan))
        theatre = Theatre(
            client=client,
            runner=Runner(log=scenario_log(prepared.kept), cancel=runner.cancel, leash=runner.leash),
            kubectl=tuple(kubectl_command(place, self.out, shutil.which)) if has_cluster and not inside else (),
            inside=inside,
            provision=lambda name, twin: replace_card(place, name, runner, twin=twin, now=self.now()),
            now=self.now,
        )
        steps = play.written.value.steps
        done: list[StepResult] = []
        for number, step in enumerate(steps, 1):
            self._tell(play, f"{number}. {words_of(step)}")
            result = self._step(number, step, theatre)
            done.append(result)
            if result.failure:
                break
        status = client.status()
        return prepared.told.model_copy(update={"steps": tuple(done), "not_run": len(steps) - len(done), "lab": status})

    def _step(self, number: int, step: Step, theatre: Theatre) -> StepResult:
        words, client = words_of(step), theatre.client
        began_s, started_s = client.status().now_s, time.monotonic()
        result = StepResult(number=number, what=words, began_s=began_s, took_s=0.0)
        try:
            with told_as_failures():
                act(step, theatre, Deadline(end_s=started_s + step.within_s, within_s=step.within_s))
        except InterruptedBuildError:
            raise
        except BuilderError as error:
            failure = failure_of(
                error, client, error.machine if isinstance(error, StepError) and error.machine else machine_of(step)
            )
            result = result.model_copy(update={"failure": failure})
        return result.model_copy(update={"took_s": time.monotonic() - started_s})


def _keep(place: LabPlace, kept: Path) -> None:
    """Copy what the consoles said, and what the supervisor and QEMU did."""
    for transcript in place.machine(".").glob(f"*/{TRANSCRIPT}"):
        shutil.copyfile(transcript, kept / f"{transcript.parent.name}.console.log")
    if place.log.exists():
        shutil.copyfile(place.log, kept / place.log.name)
