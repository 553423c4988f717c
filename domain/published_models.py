"""Models that were published for a tenant: announced once a version, in an order that never goes down."""

from __future__ import annotations

import re

import msgspec
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.decision import Decision
from kinelog.domain.errors import Rejection
from kinelog.domain.identifiers import CLUSTER_PATTERN, SENSOR_PATTERN
from kinelog.domain.limits import Limits
from kinelog.domain.ranges import LATEST_MS
from kinelog.domain.replies import Done
from kinelog.domain.states import PublishedModel, TenantState

MOST_SENSORS = 16
LARGEST_VERSION = (1 << 53) - 1
"""What every reader of JSON can hold as a whole number."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def model_scope(cluster: str, sensors: tuple[str, ...]) -> str:
    """What models are told apart by within a tenant: `cluster/sensor+sensor`."""
    return f"{cluster}/{'+'.join(sensors)}"


def decide_announce(
    stream: str, command: ask.AnnounceModel, tenant: TenantState, limits: Limits
) -> Decision | Rejection:
    """Decide to announce a version of a model.

    A version that is not above the last one announced was overtaken, or is told again: nothing happens. Only the last
    version with other content is refused, since one of the two can be no model of this store.
    """
    refused = _refused(command)
    if refused is not None:
        return refused
    scope = model_scope(command.cluster, command.sensors)
    known = tenant.models.get(scope)
    if known is None and tenant.models.count >= limits.models_per_tenant:
        return Rejection("too-many-models", f"At most {limits.models_per_tenant} combinations of cluster and sensors.")
    if known is not None and command.version <= known.version:
        same = (command.blob, command.manifest) == (known.blob, known.manifest)
        if command.version == known.version and not same:
            return Rejection("model-version-used", "This version was announced with other content.", "/version")
        return Decision((), Done(changed=False))
    event = did.ModelPublished(
        at_ms=command.at_ms, by=command.by, number=tenant.publications + 1, cluster=command.cluster,
        sensors=command.sensors, version=command.version, blob=command.blob, manifest=command.manifest,
        published_at_ms=command.published_at_ms,
    )  # fmt: skip
    return Decision(((stream, event),), Done())


def _refused(command: ask.AnnounceModel) -> Rejection | None:
    field = None
    if not CLUSTER_PATTERN.fullmatch(command.cluster):
        field = "cluster"
    elif not _acceptable(command.sensors):
        field = "sensors"
    elif not 1 <= command.version <= LARGEST_VERSION:
        field = "version"
    elif not _SHA256.fullmatch(command.blob):
        field = "blob"
    elif not _SHA256.fullmatch(command.manifest):
        field = "manifest"
    elif not 0 <= command.published_at_ms < LATEST_MS:
        field = "published_at_ms"
    return None if field is None else Rejection("model-invalid", f"{field} is not acceptable.", f"/{field}")


def _acceptable(sensors: tuple[str, ...]) -> bool:
    named = all(SENSOR_PATTERN.fullmatch(sensor) for sensor in sensors)
    return named and 1 <= len(sensors) <= MOST_SENSORS and len(set(sensors)) == len(sensors)


def published(tenant: TenantState, event: did.ModelPublished) -> TenantState:
    """The tenant after a publication."""
    model = PublishedModel(event.version, event.blob, event.manifest, event.published_at_ms)
    models = tenant.models.put(model_scope(event.cluster, event.sensors), model)
    return msgspec.structs.replace(tenant, models=models, publications=event.number)
