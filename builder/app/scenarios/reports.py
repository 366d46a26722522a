"""Writes the reports of scenarios."""

import json
from collections.abc import Sequence
from pathlib import Path

from builder.io.files import atomic_write
from builder.lab.report.html import timeline_page
from builder.lab.report.junit import junit_xml
from builder.lab.result import ScenarioResult

JUNIT, PAGE, RESULTS = "junit.xml", "timeline.html", "results.json"


def write_reports(results: Sequence[ScenarioResult], place: Path) -> None:
    """Write what `results` are, as far as they are there, into the directory `place`."""
    place.mkdir(parents=True, exist_ok=True)
    told = [result.model_dump(mode="json") for result in results]
    atomic_write(place / RESULTS, f"{json.dumps(told, indent=1)}\n".encode())
    atomic_write(place / JUNIT, junit_xml(results).encode())
    atomic_write(place / PAGE, timeline_page(results).encode())
