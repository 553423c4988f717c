"""Counters of the journal; touched once a commit or group of commits."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

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
FENCED = Counter("kinelog_journal_fenced", "Commits refused because a newer epoch exists or the head moved")
FULL = Counter("kinelog_journal_full", "Commits refused for lack of room")
UNKNOWN = Counter("kinelog_journal_unknown_outcome", "Commits whose outcome could not be told")
UPKEEP_FAILED = Counter("kinelog_journal_upkeep_failed", "Checkpoints or index batches that failed and will be retried")
