"""What a tenant is still to be told: read from its own stream, which is the only place where it lies."""

from __future__ import annotations

from dataclasses import dataclass

from kinelog.domain.events import ModelPublished
from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.port import Journal
from kinelog.webhooks.notice import Notice, notice_of


@dataclass(frozen=True, slots=True)
class Owed:
    """The next message.

    Attributes:
        notice: The earliest that is owed, or None.
        read_to: Sequence number before which nothing but this is owed.
    """

    notice: Notice | None
    read_to: int


class Outbox:
    """Reads tenants' streams; blocking."""

    def __init__(self, journal: Journal, codec: EventCodec) -> None:
        """Read this log with these keys."""
        self._journal = journal
        self._codec = codec

    def owed(self, tenant: str, sent: int, behind: int) -> Owed:
        """What is to be told next.

        Args:
            tenant: Whom.
            sent: Sequence number up to which they were told.
            behind: Publications up to this number are not owed to them.

        Raises:
            JournalError: The stream cannot be read now, or is damaged.
            PrivacyError: The tenant's key cannot be read now.
        """
        read_to = sent
        for positioned in self._journal.replay(Person(tenant, TENANT_PERSON).persistence_id, sent):
            stored = positioned.event
            read_to = stored.sequence
            if stored.type == ModelPublished.__name__:  # what an event is called is not sealed: tokens stay closed
                event = self._codec.open(stored)
                if isinstance(event, ModelPublished) and event.number > behind:
                    return Owed(notice_of(tenant, stored.sequence, event), read_to)
        return Owed(None, read_to)
