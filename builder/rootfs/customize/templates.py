"""Templates of files: jinja2 in a sandbox, knowing nothing but what the recipe says."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from jinja2 import StrictUndefined, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from builder.core.nearest import suggestion

# Of what jinja2 offers, these are the same in every run; `lipsum` is not, and the filter `random` neither.
_FUNCTIONS = ("range", "dict", "namespace", "joiner", "cycler")
_MAY_BE_ABSENT = ("defined", "undefined", "default", "d")


def render(path: Path, shown: str, variables: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text of the template at `path` with `variables` filled in, and everything that is wrong with it.

    `shown` is how people know the file; problems begin with it and the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        return "", [f"{shown}: byte {error.start} is not UTF-8, which templates must be"]
    environment = _environment()
    try:
        tree = environment.parse(text, filename=shown)
        problems = [f"{shown}:{line}: {what}" for line, what in _unknown(tree, variables)]
        if problems:
            return "", problems
        return environment.from_string(tree).render(variables), []
    except TemplateSyntaxError as error:
        return "", [f"{shown}:{error.lineno}: {error.message}"]
    except (TemplateError, SecurityError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
        line = _line(error.__traceback__)
        return "", [f"{shown}:{line}: {_what(error)}" if line else f"{shown}: {_what(error)}"]


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False, cache_size=0
    )
    environment.globals = {name: environment.globals[name] for name in _FUNCTIONS}
    del environment.filters["random"]
    return environment


def _unknown(tree: nodes.Template, variables: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """The line of each use of a name that nothing defines, and words for it; uses that ask whether it is defined are none."""
    optional = {
        node.node.name
        for kind in (nodes.Test, nodes.Filter)
        for node in tree.find_all(kind)
        if node.name in _MAY_BE_ABSENT and isinstance(node.node, nodes.Name)
    }
    unknown = meta.find_undeclared_variables(tree) - {*variables, *_FUNCTIONS, *optional}
    for node in tree.find_all(nodes.Name):
        if node.ctx == "load" and node.name in unknown:
            yield node.lineno, f"{node.name!r} is not defined{suggestion(node.name, 'known', sorted(variables))}"


def _line(traceback: TracebackType | None) -> int:
    """The line of the template where an error arose: jinja2 puts the template's own frames into the traceback."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == "<template>":
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _what(error: Exception) -> str:
    if isinstance(error, TypeError) and "no loader" in str(error):
        return "templates stand alone: include, import and extends have nothing to take from"
    return str(error) or type(error).__name__
