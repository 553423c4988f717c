"""Removing blobs in Cassandra, where nobody can look and remove in one step.

The order makes it safe beside any publisher, without a lease and whatever clocks say:

1. What was put is listed with the times of its cells, then what names blobs is read.
2. Each blob is deleted *as of the time that was listed*: whoever puts it again, from the listing on, has it.
3. The ledger's last number is counted on. A publisher that looked for its blob before the deletion compared an older
   number: its batch writes nothing, it looks again, and finds that the blob is gone.
4. What names blobs is read again. What somebody named in between, under the older number, is put back.

Challengers and populations are not in the ledger. Who writes them has put their blobs just before, which 1 and 2 see.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.registry.cassandra.contents import Contents
from kinelog.registry.cassandra.documents import Documents
from kinelog.registry.cassandra.leases import Leases
from kinelog.registry.cassandra.publications import Publications
from kinelog.registry.records import Lease
from kinelog.registry.sweeping import hashes_in

AT_ONCE = 500
"""Blobs that are removed in one go: their bytes are in memory meanwhile, to be put back."""

_REMOVE = Statement("DELETE FROM {models}.contents USING TIMESTAMP ? WHERE sha256 = ?", Access.WRITE)


class Sweeping:
    """Finds and removes blobs that nothing names."""

    def __init__(
        self,
        connection: Connection,
        contents: Contents,
        publications: Publications,
        documents: Documents,
        leases: Leases,
    ) -> None:
        """Use the parts of a store."""
        self._connection = connection
        self._contents = contents
        self._publications = publications
        self._documents = documents
        self._leases = leases

    def unnamed(self, put_before_ms: int) -> dict[str, int]:
        """Blobs that nothing names and nobody has put since then, with the time of their cells in microseconds."""
        old = {sha256: at_us for sha256, at_us in self._contents.blobs_put() if at_us < 1000 * put_before_ms}
        named = self._named() if old else set()
        return {sha256: old[sha256] for sha256 in sorted(old) if sha256 not in named}

    def remove(self, put_before_ms: int, lease: Lease | None) -> list[str]:
        """Remove them; which were.

        Raises:
            StaleLeaseError: The lease was released, or somebody has a newer one.
        """
        self._leases.require(lease)
        unnamed = list(self.unnamed(put_before_ms).items())
        removed: list[str] = []
        for first in range(0, len(unnamed), AT_ONCE):
            self._leases.require(lease)
            removed += self._remove(unnamed[first : first + AT_ONCE])
        return removed

    def _remove(self, listed: Sequence[tuple[str, int]]) -> list[str]:
        hashes = [sha256 for sha256, _ in listed]
        held = dict(zip(hashes, self._contents.as_they_lie(hashes), strict=True))
        self._connection.ask_all([(_REMOVE, (at_us, sha256)) for sha256, at_us in listed])
        self._publications.count_on()
        named = self._named()
        for sha256 in named.intersection(hashes):
            data = held[sha256]
            # Of a damaged one nothing is put back: it would come in under the hash of its damage.
            if data is not None and hashlib.sha256(data).hexdigest() == sha256:
                self._contents.put("blob", data)
        return [sha256 for sha256 in hashes if sha256 not in named]

    def _named(self) -> set[str]:
        return self._publications.blobs() | self._documents.challengers() | hashes_in(self._documents.populations())
