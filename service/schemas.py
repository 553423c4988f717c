"""The schemas of a deployment's four keyspaces, in the order in which they are made."""

from __future__ import annotations

from kinelog.journal.cassandra.schema import LOG_SCHEMA
from kinelog.privacy.cassandra_schema import KEYS_SCHEMA
from kinelog.projections.cassandra.schema import VIEWS_SCHEMA
from kinelog.registry.cassandra.schema import MODELS_SCHEMA

SCHEMAS = (LOG_SCHEMA, KEYS_SCHEMA, VIEWS_SCHEMA, MODELS_SCHEMA)
