"""Forms of events: what a program can read, as one number. A rolling upgrade writes nothing that a member cannot read.

A *form* is a state of the catalogue: which event types there are, and in which version each is written. A release that
adds a type or a version raises `NEWEST` by one and says here what changed. During a rolling upgrade the new program
writes the older form, which every member reads, and goes over to the newest when all of them are upgraded.

To introduce form n:

- `NEWEST = n`; a new version of an event: `schema`, its upcaster (`domain/upcasting.py`), and here its form in `SINCE`
  and a downcaster; a new type: only its form in `SINCE`.
- Decisions are made as the written form can express them (`spoken`), so that memory and log never disagree; a command
  that needs a type which cannot be written yet is refused, and may be sent again.
- When nobody can be running the program before, raise `OLDEST`; what is older than it need not be written any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from kinelog.domain.events import EVENT_TYPES, Event
from kinelog.domain.upcasting import upcast

OLDEST = 1
"""The oldest form that a member of this version's cluster may be limited to."""

NEWEST = 1
"""The form that this program writes when it may, and the newest that it reads."""

SINCE: dict[str, tuple[int, ...]] = {}
"""Event type → the forms in which its versions 1, 2 … were first written. What is not here is as old as the log."""

Downcaster = Callable[[list[object]], list[object]]

DOWNCASTERS: dict[tuple[str, int], Downcaster] = {}
"""`(event type, version) → function to the version before`, over the array of fields."""

_ENCODER = msgspec.msgpack.Encoder()
_RAW = msgspec.msgpack.Decoder(list)


class EventForms:
    """The history of the catalogue; tests make up another."""

    def __init__(
        self,
        newest: int = NEWEST,
        since: Mapping[str, tuple[int, ...]] | None = None,
        downcasters: Mapping[tuple[str, int], Downcaster] | None = None,
    ) -> None:
        """Use this program's own history unless told otherwise."""
        self.newest = newest
        self._since = SINCE if since is None else since
        self._downcasters = DOWNCASTERS if downcasters is None else downcasters

    @property
    def ever_changed(self) -> bool:
        """Whether there is any form but one."""
        return bool(self._since)

    def version(self, type_name: str, form: int) -> int:
        """The version in which a type is written in a form; 0 if the form does not know the type."""
        return sum(since <= form for since in self._since.get(type_name, (1,)))

    def fields(self, event: Event, form: int) -> tuple[int, list[object]]:
        """An event as it is written in a form: its version there, and its array of fields.

        Raises:
            KeyError: The form does not know the type, or a downcaster is missing: a defect of this code, since nothing
                is decided that cannot be written.
        """
        name = type(event).__name__
        wanted = self.version(name, form)
        if not wanted:
            raise KeyError(name, form)
        fields: list[object] = _RAW.decode(_ENCODER.encode(event))
        for version in range(event.schema, wanted, -1):
            fields = self._downcasters[name, version](fields)
        return wanted, fields

    def spoken(self, event: Event, form: int) -> Event | None:
        """An event as whoever reads it back from the log will find it; None if the form has no such type."""
        name = type(event).__name__
        version = self.version(name, form)
        if version == event.schema:
            return event
        if not version:
            return None
        _, fields = self.fields(event, form)
        return msgspec.convert(upcast(name, version, fields), EVENT_TYPES[name])


FORMS = EventForms()
