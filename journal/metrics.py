"""Counters of the journal; touched once a commit or group of commits."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

COMMITS = Counter("kinelog_journal_commits", "Commits written")
EVENTS_PER_COMMIT = Histogram(
    "kinelog_journal_events_per_commit", "Events in a commit", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
)
COMMIT_SECONDS = Histogram(
    "kinelog_journal_commit_seconds",
    "From handing a commit over until it is durable",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
GROUP_COMMITS = Histogram(
    "kinelog_journal_group_commits", "Commits that shared one fsync", buckets=(1, 2, 4, 8, 16, 32, 64)
)
BYTES_PER_COMMIT = Histogram(
    "kinelog_journal_bytes_per_commit",
    "Bytes of a commit, sealed and packed",
    buckets=(256, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22),
)
IN_FLIGHT = Gauge("kinelog_journal_in_flight", "Commits handed over and not answered yet")
FENCED = Counter("kinelog_journal_fenced", "Commits refused because a newer epoch exists or the head moved")
FULL = Counter("kinelog_journal_full", "Commits refused for lack of room")
UNKNOWN = Counter("kinelog_journal_unknown_outcome", "Commits whose outcome could not be told")
UPKEEP_FAILED = Counter("kinelog_journal_upkeep_failed", "Checkpoints or index batches that failed and will be retried")
UNAVAILABLE = Counter(
    "kinelog_journal_unavailable", "Commits refused because the store did not answer; nothing was written"
)
ACQUIRED = Counter("kinelog_journal_acquired", "Epochs taken")
EPOCHS_LOST = Counter("kinelog_journal_epochs_lost", "Epochs of this process that turned out to be fenced off")
CONDITIONS_LOST = Counter(
    "kinelog_journal_conditions_lost", "Conditional writes that somebody else's came before; looked at again"
)
HOLES_LOOKED_AT_AGAIN = Counter(
    "kinelog_journal_holes_looked_at_again", "Reads of the log repeated because a commit was not on the replicas asked"
)
BUCKETS_SEALED = Counter("kinelog_journal_buckets_sealed", "Buckets filled by commits of this process")
BUCKETS_OPENED = Counter("kinelog_journal_buckets_opened", "Buckets opened by this process")
WAITED_FOR_INDEX = Counter(
    "kinelog_journal_waited_for_index", "Commits that waited until more of the log was in the index of entities"
)
