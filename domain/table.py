"""An immutable map for states that hold very many entries: changing one entry copies a 256th of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar
from zlib import crc32

import msgspec

V = TypeVar("V")

_BUCKETS = 256


class Table(msgspec.Struct, Generic[V], frozen=True, array_like=True):
    """A map from strings to values; nothing may change the dictionaries in it.

    Attributes:
        buckets: Entries by CRC-32 of the key, modulo 256. CRC and not `hash()`, which differs between processes.
        count: How many entries there are.
    """

    buckets: dict[int, dict[str, V]] = msgspec.field(default_factory=dict)
    count: int = 0

    def get(self, key: str) -> V | None:
        """The value of a key, or None."""
        bucket = self.buckets.get(crc32(key.encode("utf-8", "surrogatepass")) % _BUCKETS)
        return None if bucket is None else bucket.get(key)

    def put(self, key: str, value: V) -> Table[V]:
        """With this entry, in place of the key's former one."""
        number = crc32(key.encode("utf-8", "surrogatepass")) % _BUCKETS
        bucket = self.buckets.get(number, {})
        return Table({**self.buckets, number: {**bucket, key: value}}, self.count + (key not in bucket))

    def drop(self, key: str) -> Table[V]:
        """Without this key."""
        number = crc32(key.encode("utf-8", "surrogatepass")) % _BUCKETS
        bucket = self.buckets.get(number, {})
        if key not in bucket:
            return self
        left = {name: value for name, value in bucket.items() if name != key}
        others = {name: entries for name, entries in self.buckets.items() if name != number}
        return Table({**others, number: left} if left else others, self.count - 1)

    def values(self) -> Iterator[V]:
        """All values, in no particular but a repeatable order."""
        for bucket in self.buckets.values():
            yield from bucket.values()
