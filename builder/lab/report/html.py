"""Results as one page that needs nothing else: a timeline of each scenario, its steps, and what went wrong."""

from collections.abc import Iterator, Sequence
from html import escape

from builder.lab.report.timeline import timeline_svg
from builder.lab.result import ScenarioResult, StepResult
from builder.lab.stages import ORDER

_MINUTE_S = 60
# A console's last lines and kubectl's answers: as much of each as a page of many scenarios can show.
_MOST_CHARACTERS = 4000
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5d6878; --line: #d9dee6; --paper: #f6f7f9; --card: #fff;
  --good: #1a7f4b; --bad: #b3261e; --mark: #b3261e; --firmware: #c3cad6; --kernel: #9db4d6; --userspace: #6f9bd8;
  --first-boot: #4a7fc9; --joined: #e0a93b; --ready: #3fa66a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa5b4; --line: #333b47; --paper: #14181e;
  --card: #1c222b; --good: #57c78b; --bad: #f2857c; --mark: #f2857c; --firmware: #56606f; --kernel: #4d6486;
  --userspace: #4a74ae; --first-boot: #3f86d6; --joined: #c9972f; --ready: #3fa66a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 70rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 0; }
.soft { color: var(--soft); }
.good { color: var(--good); }
.bad { color: var(--bad); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.25rem;
  margin-top: 1.5rem; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; justify-content: space-between; }
.scroll { overflow-x: auto; }
svg { display: block; min-width: 40rem; width: 100%; height: auto; margin: 1rem 0 .5rem; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .soft { fill: var(--soft); }
ul.key { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; margin: 0 0 1rem; padding: 0;
  font-size: .85rem; }
ul.key i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em; }
table { border-collapse: collapse; width: 100%; }
td { padding: .3rem .5rem; border-top: 1px solid var(--line); vertical-align: top; }
td.time, td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; color: var(--soft);
  width: 1%; }
td.sign { width: 1%; }
td.what { overflow-wrap: anywhere; }
pre { overflow-x: auto; background: var(--paper); border: 1px solid var(--line); border-radius: 6px; padding: .75rem;
  font-size: .8rem; margin: .5rem 0 0; }
dl { margin: .25rem 0 0; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0 0 .25rem; white-space: pre-line; overflow-wrap: anywhere; }
"""


def timeline_page(results: Sequence[ScenarioResult]) -> str:
    """The page, well below 1 MB whatever consoles have said."""
    good = sum(result.is_good for result in results)
    bad = len(results) - good
    summary = f'<span class="good">{good} passed</span>' + (f', <span class="bad">{bad} failed</span>' if bad else "")
    total = format_duration(sum(result.took_s for result in results))
    body = "\n".join(map(_section, results))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Scenarios: {good} passed, {bad} failed</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>Scenarios</h1>\n<p class="soft">{summary}, in {total}</p>\n{body}\n</body>\n</html>\n'
    )


def format_duration(seconds: float) -> str:
    """`7 s`, `4 min 12 s`."""
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE_S)
    return f"{minutes} min {rest} s"


def _section(result: ScenarioResult) -> str:
    verdict = '<b class="good">passed</b>' if result.is_good else '<b class="bad">failed</b>'
    took = f'<span class="soft">in {format_duration(result.took_s)}</span>'
    title = f"<h2>{escape(result.title or result.name)}</h2>"
    parts = [
        "<section>",
        f"<header>{title}<div>{verdict} {took}</div></header>",
        f'<div class="soft">{escape(result.file)}</div>',
    ]
    if result.lab:
        parts += [f'<div class="scroll">{timeline_svg(result)}</div>', _key()]
    if result.error:
        parts.append(f"<pre>{escape(result.error[-_MOST_CHARACTERS:])}</pre>")
    parts += ["<table>", *_rows(result), "</table>", "</section>"]
    return "\n".join(parts)


def _key() -> str:
    items = "".join(f'<li><i style="background:var(--{stage.value})"></i>{stage.value}</li>' for stage in ORDER)
    mark = '<li><b style="color:var(--mark)">▾</b> something was done, or happened</li>'
    return f'<ul class="key">{items}{mark}</ul>'


def _rows(result: ScenarioResult) -> Iterator[str]:
    for step in result.steps:
        sign = '<span class="bad">✗</span>' if step.failure else '<span class="good">✓</span>'
        yield (
            f'<tr><td class="sign">{sign}</td><td class="number">{step.number}</td>'
            f'<td class="what">{escape(step.what)}{_failure(step)}</td>'
            f'<td class="time">{format_duration(step.took_s)}</td></tr>'
        )
    if result.not_run:
        yield f'<tr><td></td><td></td><td class="soft">{result.not_run} more steps were not run</td><td></td></tr>'


def _failure(step: StepResult) -> str:
    failure = step.failure
    if failure is None:
        return ""
    facts = [("machine", failure.machine), ("expected", failure.expected), ("found", "\n".join(failure.found))]
    told = "".join(f"<dt>{name}</dt><dd>{escape(value[-_MOST_CHARACTERS:])}</dd>" for name, value in facts if value)
    console = "\n".join(failure.console)[-_MOST_CHARACTERS:]
    said = f"<dt>the last lines of its console</dt><dd><pre>{escape(console)}</pre></dd>" if console else ""
    return f"<dl>{told}{said}</dl>"
