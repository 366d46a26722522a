"""Runs scenarios: each makes a lab of its own, goes through its steps, and leaves nothing but what it tells."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from builder.app.lab.reach import kubectl_command
from builder.app.lab.up import LabWanted, lab_up, replace_card
from builder.app.scenarios.actions import act, machine_of, words_of
from builder.app.scenarios.find import Play
from builder.app.scenarios.stage import Deadline, StepError, Theatre, failure_of, scenario_log, told_as_failures
from builder.app.session import Session
from builder.core.errors import BuilderError, InterruptedBuildError
from builder.io.locks import locked
from builder.io.spawn import Runner
from builder.lab.client import LabClient
from builder.lab.end import end_lab, end_leftover
from builder.lab.place import LabPlace, labs_directory
from builder.lab.result import ScenarioResult, StepResult
from builder.lab.scenario import Step
from builder.vm.machine import TRANSCRIPT

Tell = Callable[[str], None]
# A lab's name is a label of at most 63 characters, of which the cluster's name is made.
_LONGEST_NAME = 50


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

    def perform(self, play: Play) -> ScenarioResult:
        """Run `play`; whatever goes wrong in it is in what is returned."""
        began_s = time.monotonic()
        kept = self.results / play.name
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        told = ScenarioResult(
            name=play.name, file=play.written.name, title=play.written.value.title, took_s=0.0, steps=()
        )
        name = f"test-{play.name}"[:_LONGEST_NAME].rstrip("-")
        try:
            end_leftover(LabPlace(path=labs_directory(self.session.project.cache) / name))
            wanted = LabWanted(written=play.lab, name=name, out=self.out, is_on=False, emulate=self.emulate)
            place = lab_up(self.session, wanted, now=self.now(), tell=self.tell)
        except InterruptedBuildError:
            raise
        except BuilderError as error:
            return told.model_copy(update={"error": str(error), "took_s": time.monotonic() - began_s})
        try:
            with locked(place.owner), self.session.bench("test") as (runner, _):
                told = self._steps(play, told, place, runner, kept)
        except InterruptedBuildError:
            raise
        except BuilderError as error:
            # No step is to blame: the lab itself is gone.
            told = told.model_copy(update={"error": str(error)})
        finally:
            _keep(place, kept)
            end_lab(place)
        return told.model_copy(update={"took_s": time.monotonic() - began_s})

    def _steps(self, play: Play, told: ScenarioResult, place: LabPlace, runner: Runner, kept: Path) -> ScenarioResult:
        client = LabClient(place)
        has_cluster = place.kubeconfig.exists()
        theatre = Theatre(
            client=client,
            runner=Runner(log=scenario_log(kept), cancel=runner.cancel, leash=runner.leash),
            kubectl=tuple(kubectl_command(place, self.out, shutil.which)) if has_cluster else (),
            provision=lambda name: replace_card(place, name, runner, now=self.now()),
        )
        steps = play.written.value.steps
        done: list[StepResult] = []
        for number, step in enumerate(steps, 1):
            result = self._step(number, step, theatre)
            done.append(result)
            if result.failure:
                break
        status = client.status()
        return told.model_copy(update={"steps": tuple(done), "not_run": len(steps) - len(done), "lab": status})

    def _step(self, number: int, step: Step, theatre: Theatre) -> StepResult:
        words, client = words_of(step), theatre.client
        began_s, started_s = client.status().now_s, time.monotonic()
        self.tell(f"  {number}. {words}")
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
