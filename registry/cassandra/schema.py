"""Tables of the keyspace of models.

All publications and leases are in one partition, the ledger, because a publication has to compare a version and a lease
and write them in one step, and a step is atomic within a partition only. A publication is a few hundred bytes there:
manifests and blobs lie in `contents`, under their hashes, before a row of the ledger names them. A deployment that
publishes a hundred models a night adds some 40 MB to the ledger in a year.
"""

from __future__ import annotations

from kinelog.cassandra_session.migration import KeyspaceSchema, Migration, Phase

_CONTENTS = """
CREATE TABLE IF NOT EXISTS {models}.contents (
    sha256 text PRIMARY KEY,
    kind text,
    data blob
) WITH comment = 'blobs and manifests by their hash; written before anything names them, never changed'
AND default_time_to_live = 0
"""

_LEDGER = """
CREATE TABLE IF NOT EXISTS {models}.ledger (
    registry text,
    kind text,
    name text,
    version bigint,
    last_number bigint static,
    floor bigint static,
    number bigint,
    scope text,
    scope_version bigint,
    manifest text,
    key_id text,
    signature blob,
    blob text,
    origin bigint,
    at_ms bigint,
    holder text,
    fence bigint,
    until_ms bigint,
    held boolean,
    taken text,
    PRIMARY KEY ((registry), kind, name, version)
) WITH comment = 'publications by scope, by number and by blob, and leases; changed by conditional statements only'
AND default_time_to_live = 0
"""

_DOCUMENTS = """
CREATE TABLE IF NOT EXISTS {models}.documents (
    kind text,
    name text,
    revision bigint,
    written text,
    fence bigint,
    first_ms bigint,
    at_ms bigint,
    blob text,
    data blob,
    PRIMARY KEY ((kind, name))
) WITH comment = 'challengers, populations and records of runs; changed by conditional statements only'
AND default_time_to_live = 0
"""

_RUNS = """
CREATE TABLE IF NOT EXISTS {models}.runs (
    registry text,
    first_ms bigint,
    run_id text,
    PRIMARY KEY ((registry), first_ms, run_id)
) WITH CLUSTERING ORDER BY (first_ms DESC, run_id ASC) AND comment = 'runs that have a record, newest first'
AND default_time_to_live = 0
"""

_CONFIRMATIONS = """
CREATE TABLE IF NOT EXISTS {models}.confirmations (
    scope text,
    set_hash text,
    used_by text,
    PRIMARY KEY ((scope, set_hash), used_by)
) WITH comment = 'who has looked at a confirmation set'
AND default_time_to_live = 0
"""

_KEYS = """
CREATE TABLE IF NOT EXISTS {models}.keys (
    registry text,
    key_id text,
    place bigint,
    public blob,
    endorser text,
    endorsement blob,
    retired boolean,
    PRIMARY KEY ((registry), key_id)
) WITH comment = 'public keys that are trusted, or were; changed by conditional statements only'
AND default_time_to_live = 0
"""

MODELS_SCHEMA = KeyspaceSchema(
    "models",
    (
        Migration(
            1,
            "contents, ledger, documents, runs, confirmations, keys",
            Phase.EXPAND,
            (_CONTENTS, _LEDGER, _DOCUMENTS, _RUNS, _CONFIRMATIONS, _KEYS),
        ),
    ),
)
