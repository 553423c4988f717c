"""The rules that the cluster asks for, taken away one at a time: the checker must object."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from kinelog.journal.cassandra.fence_rules import ALL_RULES

from tests.simulation.ablations import JudgesWithoutNewEpoch, KeepsStatesWhenFenced, RetriesBlindly, TakesUnknownForDone
from tests.simulation.cluster_world import ClusterVariant
from tests.simulation.recovery_ablations import (
    BelievesBehindTheOffset,
    ForgetsNoTail,
    IndexBeforeOffset,
    OffsetBeforeRows,
)
from tests.simulation.world import Variant


@dataclass(frozen=True, slots=True)
class ClusterAblation:
    """A broken variant, and the numbers of the invariants of which one must be seen to break."""

    variant: ClusterVariant
    breaks: tuple[str, ...]


def _fence_without(rule: str) -> ClusterVariant:
    return ClusterVariant(fence=msgspec.structs.replace(ALL_RULES, **{rule: False}))


CLUSTER_ABLATIONS: dict[str, ClusterAblation] = {
    "epoch-in-every-bucket": ClusterAblation(_fence_without("epoch_in_every_bucket"), ("2",)),
    "seal-takes-the-epoch": ClusterAblation(_fence_without("seal_takes_the_epoch"), ("2", "3")),
    "open-after-known-seal": ClusterAblation(_fence_without("open_after_known_seal"), ("2", "3")),
    "open-if-absent": ClusterAblation(_fence_without("open_if_absent"), ("2", "3")),
    "head-after-raise": ClusterAblation(_fence_without("head_after_raise"), ("1", "2", "4")),
    "judge-row-by-commit-id": ClusterAblation(_fence_without("judge_by_commit_id"), ("1", "3")),
    "raise-again": ClusterAblation(_fence_without("raise_again"), ("2",)),
    "offset-before-index": ClusterAblation(ClusterVariant(recovery=IndexBeforeOffset), ("3", "4", "5", "liveness")),
    "nothing-behind-the-offset": ClusterAblation(
        ClusterVariant(recovery=BelievesBehindTheOffset), ("3", "4", "5", "liveness")
    ),
    "tail-follows-the-log": ClusterAblation(ClusterVariant(recovery=ForgetsNoTail), ("3", "4", "5")),
    "rows-before-offset": ClusterAblation(ClusterVariant(index=OffsetBeforeRows), ("3", "4", "5", "liveness")),
    "offset-stamped-by-position": ClusterAblation(
        ClusterVariant(by_the_clock=frozenset({"sim_log.index_offsets"})), ("3", "4", "5", "liveness")
    ),
    "new-epoch-before-judging": ClusterAblation(ClusterVariant(owners=Variant(JudgesWithoutNewEpoch)), ("1", "2")),
    "no-blind-retry": ClusterAblation(ClusterVariant(owners=Variant(RetriesBlindly)), ("1", "3", "5")),
    "unknown-is-not-done": ClusterAblation(ClusterVariant(owners=Variant(TakesUnknownForDone)), ("1",)),
    "forget-when-fenced": ClusterAblation(ClusterVariant(owners=Variant(KeepsStatesWhenFenced)), ("3", "5")),
}
