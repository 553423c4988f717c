"""What is different from the night before, as sentences: data, people's clusters, models, cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kinelog.ml.report.wording import duration
from kinelog.ml.run_record import DatasetSummary, NamedMetrics, NightRecord, ScopeRecord

SLOWER: Final = 1.25
"""A night that took so many times as long, or as short, is told of."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed, and where."""

    where: str
    what: str


def changes(record: NightRecord, previous: NightRecord | None) -> tuple[Change, ...]:
    """Everything worth a sentence; nothing when there was no night before."""
    if previous is None:
        return ()
    told = (_settings, _data, _clusters, _scopes, _cost)
    return tuple(change for tell in told for change in tell(record, previous))


def scope_name(scope: ScopeRecord) -> str:
    """How a scope is called in a report."""
    return f"{scope.cluster} · {' + '.join(scope.sensors)}"


def confirmed(scope: ScopeRecord, name: str) -> NamedMetrics | None:
    """The confirmed figures of the challenger, the champion or a baseline."""
    return next((one for one in scope.confirmation if one.name == name), None)


def _settings(record: NightRecord, previous: NightRecord) -> Iterator[Change]:
    for what, now, before in (
        ("code", record.code_version, previous.code_version),
        ("engine", record.engine, previous.engine),
        ("seed", record.seed, previous.seed),
        ("candidates", record.candidates, previous.candidates),
        ("folds", record.folds, previous.folds),
        ("sets of a pool at most", record.most_sets or "no bound", previous.most_sets or "no bound"),
    ):
        if now != before:
            yield Change("settings", f"{what}: {before} → {now}")


def _data(record: NightRecord, previous: NightRecord) -> Iterator[Change]:
    now, before = record.dataset, previous.dataset
    if now is None or before is None:
        return
    if now.sha256 == before.sha256:
        yield Change("data", "the same, byte for byte")
        return
    yield Change("data", _counts(now, before))
    if new := sorted(set(now.labels) - set(before.labels)):
        yield Change("data", f"new labels: {', '.join(new)}")
    if gone := sorted(set(before.labels) - set(now.labels)):
        yield Change("data", f"labels that are gone: {', '.join(gone)}")
    for reason in sorted({*now.dropped, *before.dropped}):
        if now.dropped.get(reason, 0) != before.dropped.get(reason, 0):
            yield Change(
                "data", f"dropped for {reason}: {before.dropped.get(reason, 0)} → {now.dropped.get(reason, 0)}"
            )


def _counts(now: DatasetSummary, before: DatasetSummary) -> str:
    return (
        f"{now.examples - before.examples:+d} sets, {now.sessions - before.sessions:+d} sessions, "
        f"{now.person_count - before.person_count:+d} people"
    )


def _clusters(record: NightRecord, previous: NightRecord) -> Iterator[Change]:
    before = {cluster.name: cluster for cluster in previous.clusters}
    for cluster in record.clusters:
        was = before.pop(cluster.name, None)
        if was is None:
            yield Change(f"cluster {cluster.name}", f"new, {cluster.person_count} people")
        elif was.data_cluster != cluster.data_cluster:
            yield Change(f"cluster {cluster.name}", f"data of {was.data_cluster} → data of {cluster.data_cluster}")
    for name in before:
        yield Change(f"cluster {name}", "nobody is in it any more")


def _scopes(record: NightRecord, previous: NightRecord) -> Iterator[Change]:
    before = {(scope.cluster, scope.sensors): scope for scope in previous.scopes}
    for scope in record.scopes:
        was = before.pop((scope.cluster, scope.sensors), None)
        where = scope_name(scope)
        if was is None:
            yield Change(where, "fitted for the first time")
            continue
        yield from _one_scope(where, scope, was)
    for scope in before.values():
        yield Change(scope_name(scope), "not fitted tonight")


def _one_scope(where: str, scope: ScopeRecord, was: ScopeRecord) -> Iterator[Change]:
    version = scope.published.version if scope.published else 0
    version_before = was.published.version if was.published else 0
    if version != version_before:
        yield Change(where, f"published: version {version_before or 'none'} → {version or 'none'}")
    if scope.promotion.outcome != was.promotion.outcome:
        yield Change(where, f"outcome: {was.promotion.outcome} → {scope.promotion.outcome}")
    tonight, that_night = scope.promotion.confirmation_set, was.promotion.confirmation_set
    if tonight and that_night and tonight != that_night:
        yield Change(where, "confirmed on a new set of sessions: figures are not comparable with the night before")
    elif (now := confirmed(scope, "challenger")) and (then := confirmed(was, "challenger")):
        gained = now.metrics.accuracy.value - then.metrics.accuracy.value
        if gained:
            yield Change(where, f"accuracy of the night's winner on the same sessions: {100 * gained:+.1f} points")
    known = {entry.genome_id for entry in was.leaderboard}
    if fresh := sum(entry.genome_id not in known for entry in scope.leaderboard):
        yield Change(where, f"{fresh} of the {len(scope.leaderboard)} best are new")
    if missing := sorted(set(was.labels) ^ set(scope.labels)):
        yield Change(where, f"labels that came or went: {', '.join(missing)}")


def _cost(record: NightRecord, previous: NightRecord) -> Iterator[Change]:
    now, before = record.cost.seconds, previous.cost.seconds
    if now and before and not 1 / SLOWER < now / before < SLOWER:
        yield Change("cost", f"{duration(now)} by the clock, {duration(before)} the night before")
