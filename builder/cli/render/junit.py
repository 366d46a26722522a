"""Builds as JUnit reports: pipelines show each step as a test, and why one failed."""

from pathlib import Path
from xml.etree import ElementTree as ET

from builder.core.errors import BuilderError
from builder.core.events import Event, StepFailed, StepFinished, StepSkipped
from builder.io.files import atomic_write

# What XML 1.0 has no form for; tools print such characters at times.
_FORBIDDEN = {number: None for number in range(32) if chr(number) not in "\t\n\r"}


class JUnitReport:
    """Takes events, and writes them as a report: a test for each step."""

    def __init__(self, suite: str) -> None:
        self._suite = ET.Element("testsuite", name=suite)
        self._counts = {"tests": 0, "failures": 0, "skipped": 0}

    def __call__(self, event: Event) -> None:
        """Note what an event says of a step."""
        if isinstance(event, StepFinished):
            self._case(event.step, event.duration_s)
        elif isinstance(event, StepFailed):
            failure = ET.SubElement(self._case(event.step, 0.0), "failure", message=_clean(event.brief))
            failure.text = _clean("\n".join((*event.details, event.command, event.hint)))
            self._counts["failures"] += 1
        elif isinstance(event, StepSkipped):
            message = f"{event.because_of} failed"
            ET.SubElement(self._case(event.step, 0.0), "skipped", message=message)
            self._counts["skipped"] += 1

    def write(self, path: Path) -> None:
        """Write what was noted to the file at `path`."""
        for name, count in self._counts.items():
            self._suite.set(name, str(count))
        try:
            atomic_write(path, ET.tostring(self._suite, encoding="utf-8", xml_declaration=True))
        except OSError as error:
            raise BuilderError(f"{path}: {error.strerror}") from None

    def _case(self, step: str, duration_s: float) -> ET.Element:
        self._counts["tests"] += 1
        place, _, name = step.rpartition("/")
        return ET.SubElement(self._suite, "testcase", classname=place or step, name=name, time=f"{duration_s:.3f}")


def _clean(text: str) -> str:
    return text.translate(_FORBIDDEN)
