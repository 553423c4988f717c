"""A night's record in words, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from kinelog.ml.run_record import NightRecord, ScopeRecord


def text_of(record: NightRecord) -> str:
    """What a night saw, found and cost, in some lines."""
    return "\n".join(_lines(record))


def _lines(record: NightRecord) -> Iterator[str]:
    yield f"{record.run}: {record.state}, tenant {record.tenant}, seed {record.seed}, on {record.engine}"
    if record.failure:
        yield f"  failed: {record.failure}"
    data = record.dataset
    if data is not None:
        yield (
            f"  {data.examples} sets of {data.person_count} people in {data.sessions} sessions"
            f" ({data.confirmation_sessions} set apart), {len(data.labels)} labels, data {data.sha256[:12]}"
        )
        dropped = ", ".join(f"{count} {reason}" for reason, count in sorted(data.dropped.items()))
        yield f"  dropped: {dropped or 'nothing'}"
    for warning in record.warnings:
        yield f"  note: {warning}"
    for scope in record.scopes:
        yield from _scope_lines(scope)
    cost = record.cost
    yield (
        f"  {cost.fits} fits in {cost.seconds:.1f} s, {cost.tasks_reused} results reused,"
        f" {100 * cost.preparation_share:.0f} % of the work on data"
    )


def _scope_lines(scope: ScopeRecord) -> Iterator[str]:
    where = f"{scope.cluster}/{'+'.join(scope.sensors)}"
    of = f" (data of {scope.data_cluster})" if scope.backed_off else ""
    version = f", version {scope.published.version}" if scope.published else ", nothing published"
    yield f"  {where}{of}: {scope.promotion.outcome}{version}: {scope.promotion.reason}"
    if scope.published and scope.published.measured_sha256 and not scope.backed_off:
        yield "    published: the same recipe fitted on all sessions; figures are of the fit without those set apart"
    for one in scope.confirmation if not scope.backed_off else ():
        accuracy = one.metrics.accuracy
        yield (
            f"    {one.name:12} accuracy {accuracy.value:.2f} ({accuracy.low:.2f} to {accuracy.high:.2f}),"
            f" macro-F1 {one.metrics.macro_f1.value:.2f}, answers {100 * one.metrics.coverage:.0f} %"
        )
