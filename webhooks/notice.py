"""What is sent of an event: its body, and an id by which a receiver knows it again."""

from __future__ import annotations

import hashlib

import msgspec
from kinelog.domain.events import ModelPublished
from kinelog.domain.published_models import model_scope


class PublishedData(msgspec.Struct, frozen=True, kw_only=True):
    """Of `model.published`: which model, and where its signed manifest is fetched."""

    cluster: str
    sensors: tuple[str, ...]
    version: int
    manifest: str
    manifest_sha256: str
    blob_sha256: str
    published_at_ms: int


class NoticeBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver reads.

    Attributes:
        id: The same however often it is sent, and of nothing else.
        number: Counts the tenant's publications without gaps.
        at_ms: When the event was stored.
    """

    id: str
    type: str
    tenant: str
    number: int
    at_ms: int
    data: PublishedData


class Notice(msgspec.Struct, frozen=True):
    """One message.

    Attributes:
        sequence: Of its event in the tenant's stream.
        number: Of the publication.
        id: See `NoticeBody`.
        body: JSON; the same bytes with every attempt.
    """

    sequence: int
    number: int
    id: str
    body: bytes


def notice_of(tenant: str, sequence: int, event: ModelPublished) -> Notice:
    """The message about a publication."""
    # Content and not only the place: a log restored from a backup may have another event at the same sequence number.
    place = f"{tenant}\0{sequence}\0{event.at_ms}\0{event.cluster}\0{event.version}\0{event.manifest}"
    notice_id = hashlib.blake2b(place.encode(), digest_size=16).hexdigest()
    data = PublishedData(
        cluster=event.cluster, sensors=event.sensors, version=event.version,
        manifest=f"/v1/models/{model_scope(event.cluster, event.sensors)}", manifest_sha256=event.manifest,
        blob_sha256=event.blob, published_at_ms=event.published_at_ms,
    )  # fmt: skip
    body = NoticeBody(
        id=notice_id, type="model.published", tenant=tenant, number=event.number, at_ms=event.at_ms, data=data
    )
    return Notice(sequence, event.number, notice_id, msgspec.json.encode(body))
