"""How people, sessions and shards are named.

In the journal a person is a *pseudonym*: 32 hex digits drawn at random, which mean nothing once the name ↔ pseudonym
table (package `privacy`) has lost its row. A tenant's own records are the person `@`.

A persistence id names one stream of events: `tenant/pseudonym` (the user), `tenant/pseudonym/session` (a session) or
`tenant/@` (the tenant itself). All streams of a person are in the person's shard.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import NamedTuple

TENANT_PERSON = "@"
TENANT_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
PSEUDONYM_PATTERN = re.compile(r"[0-9a-f]{32}|@")
SESSION_PATTERN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
DEVICE_PATTERN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
GYM_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
CLUSTER_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
SENSOR_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


class Person(NamedTuple):
    """Whom a key and a shard belong to: a tenant and a pseudonym (or `@`, the tenant itself)."""

    tenant: str
    pseudonym: str

    @property
    def persistence_id(self) -> str:
        """The person's own stream."""
        return f"{self.tenant}/{self.pseudonym}"

    def session(self, session: str) -> str:
        """The stream of one of the person's sessions."""
        return f"{self.tenant}/{self.pseudonym}/{session}"


@lru_cache(maxsize=65_536)
def person_of(persistence_id: str) -> Person:
    """Whose stream this is."""
    tenant, pseudonym = persistence_id.split("/", 2)[:2]
    return Person(tenant, pseudonym)


def session_of(persistence_id: str) -> str | None:
    """Which session's stream this is, or None for a user's or a tenant's own."""
    parts = persistence_id.split("/", 2)
    return parts[2] if len(parts) == 3 else None


@lru_cache(maxsize=262_144)
def shard_of(person: Person, shards: int) -> int:
    """The shard a person lives in: stable over processes, versions and machines.

    Source: BLAKE2b-64 over `tenant/pseudonym`, big-endian, modulo the number of shards. Changing this moves people
    between shards and is a resharding.
    """
    digest = hashlib.blake2b(person.persistence_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards
