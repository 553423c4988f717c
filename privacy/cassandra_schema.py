"""Tables of the keyspace of keys: people with their wrapped keys, names, and who was erased.

Rows of `people` and `names` that an erasure deletes stay in data files until these are compacted. So: levels, which
rewrite small tables often; a tombstone compaction that does not wait for a share of tombstones; a grace of one hour,
after which `nodetool garbagecollect` and compactions drop the tombstones too. A replica that is down for longer than
the grace would bring a deleted row back, as a row that nobody reads: whoever is in `erasures` has no key here, whatever
`people` holds, and every start deletes such rows again.
"""

from __future__ import annotations

from kinelog.cassandra_session.migration import KeyspaceSchema, Migration, Phase

_FORGETFUL = """
AND compaction = {'class': 'LeveledCompactionStrategy', 'sstable_size_in_mb': 16, 'tombstone_threshold': 0.01,
    'tombstone_compaction_interval': 3600, 'unchecked_tombstone_compaction': true}
AND gc_grace_seconds = 3600
AND memtable_flush_period_in_ms = 3600000
AND default_time_to_live = 0
"""

_META = """
CREATE TABLE IF NOT EXISTS {keys}.meta (
    key text PRIMARY KEY,
    value blob
) WITH comment = 'layout, and the check value of the master key; written with IF NOT EXISTS'
"""

_PEOPLE = (
    """
CREATE TABLE IF NOT EXISTS {keys}.people (
    tenant text,
    pseudonym text,
    key_id text,
    wrapped blob,
    name_tag blob,
    sealed_name blob,
    PRIMARY KEY ((tenant, pseudonym))
) WITH comment = 'keys of people, wrapped with the master key; a key is written once'
"""
    + _FORGETFUL
)

_NAMES = (
    """
CREATE TABLE IF NOT EXISTS {keys}.names (
    name_tag blob PRIMARY KEY,
    tenant text,
    pseudonym text
) WITH comment = 'who has a name: claimed and given up by conditional statements only'
"""
    + _FORGETFUL
)

# Numbered without gaps, whoever appends: a reader that knows all up to a number asks for what came behind it and can
# neither miss one nor need a clock. A block is a partition of at most 4 096 erasures.
_ERASURES = """
CREATE TABLE IF NOT EXISTS {keys}.erasures (
    block int,
    number bigint,
    tenant text,
    pseudonym text,
    at_ms bigint,
    PRIMARY KEY ((block), number)
) WITH comment = 'who was erased, for ever: appended by INSERT IF NOT EXISTS, never deleted from, never restored'
AND default_time_to_live = 0
"""

KEYS_SCHEMA = KeyspaceSchema(
    "keys",
    (Migration(1, "people, names, erasures", Phase.EXPAND, (_META, _PEOPLE, _NAMES, _ERASURES)),),
)
