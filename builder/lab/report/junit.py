"""Results as JUnit XML, which every CI system reads: a suite for each scenario, a case for each step."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from builder.lab.result import ScenarioResult, failure_lines

# What XML 1.0 cannot hold (section 2.2): consoles say everything.
_FORBIDDEN = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(results: Sequence[ScenarioResult]) -> str:
    """The document, ending in a newline."""
    root = ET.Element("testsuites")
    for result in results:
        failed = sum(step.failure is not None for step in result.steps)
        suite = ET.SubElement(
            root,
            "testsuite",
            name=result.name,
            tests=str(len(result.steps) + result.not_run),
            failures=str(failed),
            errors=str(int(bool(result.error))),
            skipped=str(result.not_run),
            time=f"{result.took_s:.3f}",
            file=result.file,
        )
        for step in result.steps:
            case = _case(suite, result, f"{step.number}. {step.what}", step.took_s)
            if step.failure:
                failure = ET.SubElement(case, "failure", message=_text(step.failure.expected))
                failure.text = _text("\n".join(failure_lines(step)))
        for number in range(len(result.steps) + 1, len(result.steps) + result.not_run + 1):
            ET.SubElement(_case(suite, result, f"{number}. not run", 0.0), "skipped")
        if result.error:
            case = _case(suite, result, "lab", result.took_s)
            ET.SubElement(case, "error", message=_text(result.error.splitlines()[0])).text = _text(result.error)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(suite: ET.Element, result: ScenarioResult, name: str, took_s: float) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=result.name, name=_text(name), time=f"{took_s:.3f}")


def _text(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
