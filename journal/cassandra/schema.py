"""Tables of the keyspace of the log, and why each has the options that it has.

Only `log` and `meta` are the truth. The others are derived from the log and carry its *incarnation* in their partition
keys: after a restore, rows that an abandoned timeline left behind are never met again, however high their sequence
numbers are.
"""

from __future__ import annotations

from kinelog.cassandra_session.migration import KeyspaceSchema, Migration, Phase

_META = """
CREATE TABLE IF NOT EXISTS {log}.meta (
    key text PRIMARY KEY,
    value text
) WITH comment = 'layout, number of shards and incarnation of the log; written with IF NOT EXISTS'
"""

# Rows are written once and never changed, in the order of time, and nothing is ever deleted. Time windows write each
# row about twice (within its window) where levels would write it ten times, and files of closed windows never change
# again, which keeps snapshots and incremental backups small. A bucket lies in the files of one or two windows. A week,
# not a day: every read asks the bloom filters of all files.
# gc_grace_seconds keeps its ten days although nothing is deleted: hints, and the state of paxos rounds, live that long.
# Bodies are sealed and do not compress; LZ4 stores such chunks as they are (min_compress_ratio), with a checksum.
_LOG = """
CREATE TABLE IF NOT EXISTS {log}.log (
    shard int,
    bucket int,
    last bigint,
    epoch bigint STATIC,
    head bigint STATIC,
    start bigint STATIC,
    bytes bigint STATIC,
    sealed_epoch bigint STATIC,
    owner text STATIC,
    first bigint,
    row_epoch bigint,
    commit_id blob,
    checksum blob,
    directory blob,
    body blob,
    PRIMARY KEY ((shard, bucket), last)
) WITH CLUSTERING ORDER BY (last ASC)
AND comment = 'the fenced log: one row a commit; written by conditional statements only, never deleted from'
AND compaction = {'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'DAYS',
    'compaction_window_size': 7}
AND compression = {'class': 'LZ4Compressor', 'chunk_length_in_kb': 16, 'min_compress_ratio': 1.1}
AND gc_grace_seconds = 864000
AND default_time_to_live = 0
AND read_repair = 'BLOCKING'
"""

# An entity's events come over hours or years and are read together when it is recovered: levels keep an entity in a few
# files however old it is, and this table is written behind everybody's back, by the indexer. What a row holds, and why
# a partition is a stretch of an entity, stands in `entity_blocks`.
_ENTITY_EVENTS = """
CREATE TABLE IF NOT EXISTS {log}.entity_events (
    incarnation text,
    generation int,
    entity text,
    stretch bigint,
    last_sequence bigint,
    content blob,
    PRIMARY KEY ((incarnation, generation, entity, stretch), last_sequence)
) WITH CLUSTERING ORDER BY (last_sequence ASC)
AND comment = 'events by entity, copied from the log by the indexer, written USING TIMESTAMP position'
AND compaction = {'class': 'LeveledCompactionStrategy', 'sstable_size_in_mb': 160}
AND compression = {'class': 'LZ4Compressor', 'chunk_length_in_kb': 16, 'min_compress_ratio': 1.1}
AND default_time_to_live = 0
"""

_INDEX_OFFSETS = """
CREATE TABLE IF NOT EXISTS {log}.index_offsets (
    incarnation text,
    shard int,
    generation int,
    position bigint,
    PRIMARY KEY ((incarnation, shard))
) WITH comment = 'how far entity_events is filled; written USING TIMESTAMP generation and position: never goes back'
AND compaction = {'class': 'LeveledCompactionStrategy'}
AND default_time_to_live = 0
"""

# The newest come first, and what is deleted lies behind them: a read with LIMIT meets no tombstone.
_SNAPSHOTS = """
CREATE TABLE IF NOT EXISTS {log}.snapshots (
    incarnation text,
    entity text,
    sequence bigint,
    content blob,
    PRIMARY KEY ((incarnation, entity), sequence)
) WITH CLUSTERING ORDER BY (sequence DESC)
AND comment = 'sealed states of entities, two kept; can all be thrown away'
AND compaction = {'class': 'LeveledCompactionStrategy', 'sstable_size_in_mb': 160}
AND compression = {'class': 'LZ4Compressor', 'chunk_length_in_kb': 16, 'min_compress_ratio': 1.1}
AND gc_grace_seconds = 86400
AND default_time_to_live = 0
"""

_SNAPSHOT_ENTITIES = """
CREATE TABLE IF NOT EXISTS {log}.snapshot_entities (
    incarnation text,
    person text,
    discarded boolean STATIC,
    entity text,
    PRIMARY KEY ((incarnation, person), entity)
) WITH comment = 'which entities of a person have snapshots, and whether an erasure has discarded them'
AND compaction = {'class': 'LeveledCompactionStrategy'}
AND default_time_to_live = 0
"""

# How far publications of models were announced and told, which is about one incarnation of this log.
_ANNOUNCED = """
CREATE TABLE IF NOT EXISTS {log}.announced (
    incarnation text PRIMARY KEY,
    position bigint
) WITH comment = 'how far the model store was followed'
AND default_time_to_live = 0
"""

_WEBHOOK_TENANTS = """
CREATE TABLE IF NOT EXISTS {log}.webhook_tenants (
    incarnation text,
    tenant text,
    PRIMARY KEY ((incarnation), tenant)
) WITH comment = 'tenants that something was announced for'
AND default_time_to_live = 0
"""

_WEBHOOK_PROGRESS = """
CREATE TABLE IF NOT EXISTS {log}.webhook_progress (
    incarnation text,
    tenant text,
    revision bigint,
    written text,
    document blob,
    PRIMARY KEY ((incarnation, tenant))
) WITH comment = 'how far a tenant was told; changed by conditional statements only'
AND default_time_to_live = 0
"""

LOG_SCHEMA = KeyspaceSchema(
    "log",
    (
        Migration(
            1,
            "the fenced log, its index by entity, snapshots",
            Phase.EXPAND,
            (_META, _LOG, _ENTITY_EVENTS, _INDEX_OFFSETS, _SNAPSHOTS, _SNAPSHOT_ENTITIES),
        ),
        Migration(
            2,
            "how far publications were announced and told",
            Phase.EXPAND,
            (_ANNOUNCED, _WEBHOOK_TENANTS, _WEBHOOK_PROGRESS),
        ),
    ),
)
