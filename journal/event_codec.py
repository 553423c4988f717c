"""Events ⇄ stored records: msgpack with a schema version, upcast on reading, sealed under the person's key."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from kinelog.domain import events
from kinelog.domain.events import EVENT_TYPES, Event
from kinelog.domain.identifiers import person_of
from kinelog.domain.upcasting import upcast
from kinelog.journal.errors import CorruptError, UnknownEventError
from kinelog.journal.event_forms import FORMS, EventForms
from kinelog.journal.records import StoredEvent
from kinelog.privacy.errors import TamperedError
from kinelog.privacy.key_store import KeyStore
from kinelog.privacy.sealing import Codec, Sealed, checksum_of, seal_plain

UNSEALED = frozenset({events.UserErased.__name__})
"""Events that must be readable when their person's key is gone; they say nothing about anybody."""

_PLAIN = int(Codec.PLAIN_MSGPACK)
_ENCODER = msgspec.msgpack.Encoder()
_DECODERS = {name: msgspec.msgpack.Decoder(kind) for name, kind in EVENT_TYPES.items()}
_RAW = msgspec.msgpack.Decoder(list)


def associated_data(entity: str, sequence: int, type_name: str, schema: int) -> bytes:
    """What binds a sealed payload to its place: moved elsewhere, it does not open."""
    return f"{entity}\0{sequence}\0{type_name}\0{schema}".encode()


_TAILS = {name: f"\0{name}\0{kind.schema}".encode() for name, kind in EVENT_TYPES.items()}


class EventCodec:
    """Seals and opens events with the keys of a key store.

    Attributes:
        forms: Which forms of events there are.
        write_form: The one to write: the newest, unless a member of the cluster cannot read it yet.
    """

    def __init__(self, keys: KeyStore, forms: EventForms = FORMS) -> None:
        """Use the keys of this store."""
        self.forms = forms
        self.write_form = forms.newest
        self._keys = keys

    def seal(self, entity: str, sequence: int, event: Event) -> StoredEvent:
        """Serialise and seal an event that is about to be committed.

        Raises:
            ErasedPersonError: The person has no key any more.
        """
        name = type(event).__name__
        schema: int = event.schema
        if self.write_form < self.forms.newest:
            schema, fields = self.forms.fields(event, self.write_form)
            plaintext = _ENCODER.encode(fields)
        else:
            plaintext = _ENCODER.encode(event)
        associated = associated_data(entity, sequence, name, schema)
        if name in UNSEALED:
            payload = seal_plain(plaintext, associated)
        else:
            payload = self._keys.sealer(*person_of(entity)).seal(plaintext, associated)
        return StoredEvent(entity, sequence, name, schema, event.at_ms, payload)

    def open(self, stored: StoredEvent) -> Event:
        """Open and deserialise an event.

        Raises:
            ErasedPersonError: The person was erased; nothing can open it.
            CorruptError: The bytes are not what was sealed here.
            UnknownEventError: A type or version from the future.
        """
        kind = EVENT_TYPES.get(stored.type)
        if kind is None or stored.schema > kind.schema:
            message = f"{stored.entity}#{stored.sequence}: {stored.type} version {stored.schema} is not known here"
            raise UnknownEventError(message)
        associated = associated_data(stored.entity, stored.sequence, stored.type, stored.schema)
        sealed = stored.payload
        if sealed.codec == _PLAIN:
            if stored.type not in UNSEALED:
                raise CorruptError(f"{stored.entity}#{stored.sequence}", "unsealed payload where a sealed one belongs")
            plaintext = sealed.ciphertext
        else:
            try:
                tenant, pseudonym = stored.entity.split("/", 2)[:2]
                plaintext = self._keys.sealer(tenant, pseudonym).open(sealed, associated)
            except TamperedError as error:
                raise CorruptError(f"{stored.entity}#{stored.sequence}", "payload does not authenticate") from error
        try:
            if stored.schema < kind.schema:
                return msgspec.convert(upcast(stored.type, stored.schema, _RAW.decode(plaintext)), kind)
            event: Event = _DECODERS[stored.type].decode(plaintext)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise CorruptError(f"{stored.entity}#{stored.sequence}", str(error)) from error
        return event

    def opening(self) -> Opening:
        """Begin to open many events in a row."""
        return Opening(self, self._keys)


class Opening:
    """One pass over many events: what depends on their entity only is looked up once. For one thread.

    Let go of it when the pass is over: it still opens what an erasure in the meantime has closed.
    """

    _PLACES = 1_024

    def __init__(self, codec: EventCodec, keys: KeyStore) -> None:
        """Nothing is looked up yet."""
        self._codec = codec
        self._keys = keys
        self._places: dict[str, tuple[bytes, Callable[[Sealed, bytes], bytes]]] = {}

    def open(self, stored: StoredEvent) -> Event:
        """As `EventCodec.open`, with the same errors.

        Raises:
            ErasedPersonError: The person was erased; nothing can open it.
            CorruptError: The bytes are not what was sealed here.
            UnknownEventError: A type or version from the future.
        """
        kind = EVENT_TYPES.get(stored.type)
        sealed = stored.payload
        if kind is None or stored.schema != kind.schema or sealed.codec == _PLAIN:
            return self._codec.open(stored)
        entity = stored.entity
        front, opened = self._places.get(entity) or self._place(entity)
        try:
            plaintext = opened(sealed, b"%b%d%b" % (front, stored.sequence, _TAILS[stored.type]))
            event: Event = _DECODERS[stored.type].decode(plaintext)
        except (TamperedError, msgspec.MsgspecError, UnicodeDecodeError):
            return self._codec.open(stored)  # which says what is wrong
        return event

    def _place(self, entity: str) -> tuple[bytes, Callable[[Sealed, bytes], bytes]]:
        tenant, pseudonym = entity.split("/", 2)[:2]
        place = (f"{entity}\0".encode(), self._keys.sealer(tenant, pseudonym).opener())
        if len(self._places) >= self._PLACES:  # a ready cipher takes 2.4 KiB
            self._places.clear()
        self._places[entity] = place
        return place


def checksum_holds(stored: StoredEvent) -> bool:
    """Whether a stored event is undamaged; needs no key."""
    sealed = stored.payload
    associated = associated_data(stored.entity, stored.sequence, stored.type, stored.schema)
    return checksum_of(sealed.codec, sealed.key_id, sealed.nonce, associated, sealed.ciphertext) == sealed.checksum
