"""What the projection process says about itself; touched once a batch."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter("kinelog_projections_events", "Events folded into the views")
BATCH_SECONDS = Histogram(
    "kinelog_projections_batch_seconds",
    "Time to fold and write one batch",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
)
NEWEST_EVENT_AGE_SECONDS = Gauge(
    "kinelog_projections_newest_event_age_seconds", "Age of the newest event when its rows became visible"
)
POSITION = Gauge(
    "kinelog_projections_position",
    "Position that a view is folded to; the log's head less it is its lag",
    ("view", "shard"),
)
PARKED = Counter("kinelog_projections_parked_events", "Events set aside because they could not be folded", ("view",))
CONFLICTS = Counter("kinelog_projections_conflicts", "Batches folded again because another process changed the views")
RETRIES = Counter("kinelog_projections_retries", "Batches folded again because the store did not answer")
UNREADABLE = Counter("kinelog_projections_unreadable_reads", "Reads of a shard's log that failed", ("shard",))
STATEMENTS = Histogram(
    "kinelog_projections_batch_statements",
    "Statements of one batch on a cluster, offsets aside",
    buckets=(1, 10, 100, 1000, 10_000, 100_000),
)
