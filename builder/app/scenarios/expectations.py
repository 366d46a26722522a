"""What a scenario expects of nodes, pods, files and memory."""

import json
import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatchcase

from builder.app.scenarios.stage import Deadline, KubectlError, StepError, Theatre
from builder.core.errors import VerificationError
from builder.core.resources import KIB, format_size, parse_size
from builder.lab.scenario import ExpectStep, FileExpectation, NodeExpectation

_MISSING = 2


def wrong_expectation(step: ExpectStep, theatre: Theatre, deadline: Deadline) -> StepError | None:
    """The first of the expectations that is not met; None where all are."""
    try:
        return next(_wrong(step, theatre, deadline), None)
    except KubectlError as error:
        return StepError("the API server answers", found=(error.brief, *error.details))
    except VerificationError as error:
        return StepError("the machine answers", found=(str(error),))


def _wrong(step: ExpectStep, theatre: Theatre, deadline: Deadline) -> Iterator[StepError]:
    if step.nodes:
        yield from _wrong_nodes(step, theatre, deadline)
    if step.pods:
        yield from _wrong_pods(step, theatre, deadline)
    for file in step.files:
        yield from _wrong_file(file, theatre, deadline)
    for machine, most in step.memory.items():
        yield from _wrong_memory(machine, parse_size(most), theatre, deadline)


def _wrong_nodes(step: ExpectStep, theatre: Theatre, deadline: Deadline) -> Iterator[StepError]:
    found = {}
    for item in json.loads(theatre.ask_kubectl(("get", "nodes", "-o", "json"), "", deadline))["items"]:
        conditions = {one["type"]: one["status"] for one in item["status"].get("conditions", [])}
        is_ready = conditions.get("Ready") == "True"
        found[item["metadata"]["name"]] = NodeExpectation.READY if is_ready else NodeExpectation.NOT_READY
    for name, wanted in step.nodes.items():
        state = found.get(name, NodeExpectation.ABSENT)
        if state is not wanted:
            expected = f"the node {name} is {wanted.value} within {deadline.within_s} s"
            yield StepError(expected, machine=name, found=(f"it is {state.value}",))


def _wrong_pods(step: ExpectStep, theatre: Theatre, deadline: Deadline) -> Iterator[StepError]:
    said = theatre.ask_kubectl(("get", "pods", "--all-namespaces", "-o", "json"), "", deadline)
    phases = {
        f"{item['metadata']['namespace']}/{item['metadata']['name']}": item["status"].get("phase", "")
        for item in json.loads(said)["items"]
    }
    for pattern, wanted in step.pods.items():
        matching = {name: phase for name, phase in phases.items() if fnmatchcase(name, pattern)}
        if not matching or any(phase != wanted for phase in matching.values()):
            lines = [f"{name}: {phase}" for name, phase in sorted(matching.items())] or ["there is no such pod"]
            expected = f"pods {pattern} are {wanted} within {deadline.within_s} s"
            yield StepError(expected, found=tuple(lines))


def _wrong_file(file: FileExpectation, theatre: Theatre, deadline: Deadline) -> Iterator[StepError]:
    path = shlex.quote(file.path)
    answer = theatre.client.run(file.machine, f"test -e {path} || exit {_MISSING}; cat {path}", deadline.left_s)
    is_there = answer.status != _MISSING
    if is_there == file.absent:
        expected = f"there is {'no' if file.absent else 'a'} file {file.path}"
        yield StepError(expected, machine=file.machine, found=(f"there is {'one' if is_there else 'none'}",))
    elif file.contains and not re.search(file.contains, answer.output, re.MULTILINE):
        expected = f"{file.path} has a line with {file.contains}"
        yield StepError(expected, machine=file.machine, found=tuple(answer.output.splitlines()[-20:]))


def _wrong_memory(machine: str, most: int, theatre: Theatre, deadline: Deadline) -> Iterator[StepError]:
    answer = theatre.client.run(machine, "cat /proc/meminfo", deadline.left_s)
    facts = dict(re.findall(r"(?m)^(MemTotal|MemAvailable): +(\d+) kB", answer.output))
    if len(facts) < len(("MemTotal", "MemAvailable")):
        yield StepError("the machine tells its memory", machine=machine, found=tuple(answer.output.splitlines()))
        return
    used = (int(facts["MemTotal"]) - int(facts["MemAvailable"])) * KIB
    if used > most:
        expected = f"{machine} uses at most {format_size(most)} of memory"
        yield StepError(expected, machine=machine, found=(f"it uses {format_size(used)}",))
