"""What a group found."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.stats import Series
from builder.core.digest import Json
from builder.core.resources import format_size

# Below this many seconds milliseconds are worth telling.
_SHORT_S = 10.0


class Unit(StrEnum):
    """What a value counts."""

    SECONDS = "s"
    TIMES = "times"
    BYTES = "bytes"
    COUNT = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A measured quantity; `against` names the measurement of the same report that is its alternative."""

    name: str
    unit: Unit
    series: Series
    against: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A quantity that was promised to be at most `limit`; the median is what counts."""

    name: str
    limit: float
    unit: Unit
    series: Series

    @property
    def is_met(self) -> bool:
        """Whether the promise is kept."""
        return self.series.median <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Whatever else is worth telling; cells are text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of one group. `notes` are sentences for the page."""

    group: str
    figures: Sequence[Figure]
    measurements: Sequence[Measurement] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()

    def ratio(self, measurement: Measurement) -> Series | None:
        """How many times its alternative a measurement is, None where it has none."""
        others = [other.series for other in self.measurements if other.name == measurement.against]
        return measurement.series.over(others[0]) if others else None

    def to_json(self) -> dict[str, Json]:
        """All values, for machines."""
        return {
            "group": self.group,
            "figures": [
                {"name": one.name, "limit": one.limit, "met": one.is_met, **_series_json(one.unit, one.series)}
                for one in self.figures
            ],
            "measurements": [
                {"name": one.name, "against": one.against, **_series_json(one.unit, one.series)}
                for one in self.measurements
            ],
            "tables": [
                {"title": one.title, "columns": list(one.columns), "rows": [list(row) for row in one.rows]}
                for one in self.tables
            ],
            "notes": list(self.notes),
        }


def _series_json(unit: Unit, series: Series) -> dict[str, Json]:
    return {
        "unit": unit,
        "median": series.median,
        "min": series.smallest,
        "max": series.largest,
        "values": list(series.values),
    }


def format_value(value: float, unit: Unit) -> str:
    """`value` for people."""
    match unit:
        case Unit.SECONDS:
            return f"{value:.3f} s" if value < _SHORT_S else f"{value:.1f} s"
        case Unit.TIMES:
            return f"{value:.2f}"
        case Unit.BYTES:
            return format_size(int(value))
        case Unit.COUNT:
            return f"{value:g}"
