"""The page of one night: `render_report`. Equal records give equal bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import jinja2
from kinelog.ml.report import changes
from kinelog.ml.report.drawing import drawing_style
from kinelog.ml.report.plots import plot_accuracies, plot_confusion, plot_reliability
from kinelog.ml.run_record import Comparison, Interval, NamedMetrics, NightRecord, ScopeRecord
from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class ScopeView:
    """A scope with what is drawn of it; a plot is empty where there is nothing to draw."""

    record: ScopeRecord
    name: str
    anchor: str
    challenger: NamedMetrics | None
    against_champion: Comparison | None
    accuracies: Markup
    confusion: Markup
    reliability: Markup


SILENT_BELOW = 0.2
"""A model that answers fewer windows than this share is told of in red: phones would say nothing most of the time."""

PEOPLE_SHOWN = 20
"""The worst so many are listed one by one."""


def render_report(record: NightRecord, previous: NightRecord | None = None) -> str:
    """One self-contained HTML page: no script, no address, people only as ranks.

    Args:
        record: Of the night, finished or not.
        previous: Of the night before, for what changed; None if there was none.
    """
    with drawing_style():
        scopes = tuple(_views(record))
    return (
        _environment()
        .get_template("night.html")
        .render(
            record=record,
            previous=previous,
            scopes=scopes,
            people_shown=PEOPLE_SHOWN,
            silent_below=SILENT_BELOW,
            changes=changes.changes(record, previous),
        )
    )


def _views(record: NightRecord) -> Iterator[ScopeView]:
    for number, scope in enumerate(record.scopes, 1):
        anchor = f"scope-{number}"
        nothing = Markup()
        yield ScopeView(
            record=scope,
            name=changes.scope_name(scope),
            anchor=anchor,
            challenger=changes.confirmed(scope, "challenger"),
            against_champion=next((one for one in scope.promotion.comparisons if one.against == "champion"), None),
            accuracies=plot_accuracies(scope.confirmation, f"{anchor}-accuracy") if scope.confirmation else nothing,
            confusion=plot_confusion(scope.confusion, f"{anchor}-confusion") if scope.confusion else nothing,
            reliability=plot_reliability(scope.reliability, f"{anchor}-reliability") if scope.reliability else nothing,
        )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kinelog.ml.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=_percent, points=_points, interval=_interval, moment=_moment, duration=_duration, size=_size
    )
    return environment


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _interval(found: Interval) -> str:
    return f"{100 * found.value:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f})"


def _moment(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _size(count: int) -> str:
    return f"{count} B" if count < 10_000 else f"{count / 1024:.1f} KB"
