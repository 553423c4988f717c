"""The page of one night: `render_report`. Equal records give equal bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import jinja2
from kinelog.ml.report import changes, wording
from kinelog.ml.report.drawing import drawing_style
from kinelog.ml.report.plots import plot_accuracies, plot_confusion, plot_reliability
from kinelog.ml.run_record import Comparison, NamedMetrics, NightRecord, ScopeRecord
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
        percent=wording.percent,
        points=wording.points,
        interval=wording.interval,
        moment=wording.moment,
        duration=wording.duration,
        size=wording.size,
    )
    return environment
