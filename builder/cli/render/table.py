"""Aligned columns for results on stdout."""

from collections.abc import Collection, Sequence

from builder.cli.render.text import display_width, one_line

_GAP = "  "


def render_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str] = ()) -> str:
    """`rows` under `headers`, ending in a newline; the columns whose header `right` names are aligned to the right.

    The last column is never padded, so it may be as long as it likes. Raises `ValueError` for a row of another length.
    """
    table = [tuple(one_line(cell) for cell in row) for row in (headers, *rows)]
    columns = list(zip(*table, strict=True))
    widths = [max(map(display_width, column)) for column in columns]
    aligned = [name in right for name in headers]
    lines = []
    for row in table:
        cells = []
        for cell, width, to_right in zip(row, widths, aligned, strict=True):
            fill = " " * (width - display_width(cell))
            cells.append(fill + cell if to_right else cell + fill)
        lines.append(_GAP.join(cells).rstrip())
    return "\n".join(lines) + "\n"
