"""The tenant: its name, its gyms, and what every event of its stream changes, tokens, models, webhook included."""

from __future__ import annotations

import zoneinfo
from functools import cache

import msgspec
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.catalogue import ExerciseNameError, parse
from kinelog.domain.decision import Decision
from kinelog.domain.errors import Rejection
from kinelog.domain.events import Event
from kinelog.domain.identifiers import GYM_PATTERN
from kinelog.domain.limits import Limits
from kinelog.domain.published_models import decide_announce, published
from kinelog.domain.ranges import outside
from kinelog.domain.replies import Done
from kinelog.domain.states import PairingCode, TenantState, Token
from kinelog.domain.tokens import (
    decide_code,
    decide_issue,
    decide_redeem,
    decide_refresh,
    decide_revoke,
    decide_revoke_of,
)
from kinelog.domain.values import Gym, Station
from kinelog.domain.webhook import decide_remove, decide_set, webhook_removed, webhook_set

NAME_CHARACTERS = 200
WEIGHT_KG = (0.0, 1_000.0)
LISTED_REVOKED = 1_000
"""How many revoked tokens stay listed; a constant and not a limit, since evolving must not depend on a setting."""

REMEMBERED_SPENT = 16
"""How many used-up refresh tokens of one token are remembered; older ones are merely refused."""


@cache
def time_zones() -> frozenset[str]:
    """Names of the IANA time zones; looked up once, since that reads hundreds of files."""
    return frozenset(zoneinfo.available_timezones())


def refused_tenant(tenant: TenantState) -> Rejection | None:
    """Why nothing can be done for this tenant, or None."""
    if tenant.created_at_ms is None:
        return Rejection("tenant-unknown", "There is no such tenant; create it first.")
    return None


def decide_tenant(stream: str, command: ask.Command, tenant: TenantState, limits: Limits) -> Decision | Rejection:
    """Decide a command about a tenant.

    Raises:
        TypeError: Not a command about a tenant.
    """
    if isinstance(command, ask.CreateTenant):
        return _create(stream, command, tenant)
    refused = refused_tenant(tenant)
    if refused is not None:
        return refused
    match command:
        case ask.SetGym():
            answer = _set_gym(stream, command, tenant, limits)
        case ask.AnnounceModel():
            answer = decide_announce(stream, command, tenant, limits)
        case ask.SetWebhook():
            answer = decide_set(stream, command, tenant)
        case ask.RemoveWebhook():
            answer = decide_remove(stream, command, tenant)
        case _:
            answer = _decide_credential(stream, command, tenant, limits)
    return answer


def _decide_credential(stream: str, command: ask.Command, tenant: TenantState, limits: Limits) -> Decision | Rejection:
    answer: Decision | Rejection
    match command:
        case ask.IssueToken():
            answer = decide_issue(stream, command, tenant, limits)
        case ask.RefreshToken():
            answer = decide_refresh(stream, command, tenant)
        case ask.RevokeToken():
            answer = decide_revoke(stream, command, tenant)
        case ask.RevokeTokensOf():
            answer = decide_revoke_of(stream, command, tenant)
        case ask.IssuePairingCode():
            answer = decide_code(stream, command, tenant, limits)
        case ask.RedeemPairingCode():
            answer = decide_redeem(stream, command, tenant, limits)
        case _:
            message = f"{type(command).__name__} is not a command about a tenant"
            raise TypeError(message)
    return answer


def _create(stream: str, command: ask.CreateTenant, tenant: TenantState) -> Decision | Rejection:
    if tenant.created_at_ms is not None:
        return Decision((), Done(changed=False))
    if not 0 < len(command.name) <= NAME_CHARACTERS:
        return Rejection("tenant-invalid", f"A tenant's name has 1 to {NAME_CHARACTERS} characters.", "/name")
    created = did.TenantCreated(at_ms=command.at_ms, by=command.by, name=command.name)
    return Decision(((stream, created),), Done())


def _set_gym(stream: str, command: ask.SetGym, tenant: TenantState, limits: Limits) -> Decision | Rejection:
    if not GYM_PATTERN.fullmatch(command.gym):
        return Rejection("gym-invalid", "A gym's id is made of up to 64 lower-case letters, digits and -.", "/gym")
    if tenant.gyms.get(command.gym) == command.definition:
        return Decision((), Done(changed=False))
    if command.gym not in tenant.gyms and len(tenant.gyms) >= limits.gyms_per_tenant:
        return Rejection("too-many-gyms", f"At most {limits.gyms_per_tenant} gyms.")
    refused = _refused_gym(command.definition, limits)
    if refused is not None:
        return refused
    event = did.GymSet(at_ms=command.at_ms, by=command.by, gym=command.gym, definition=command.definition)
    return Decision(((stream, event),), Done())


def _refused_gym(gym: Gym, limits: Limits) -> Rejection | None:
    if not 0 < len(gym.name) <= NAME_CHARACTERS:
        return Rejection("gym-invalid", f"A gym's name has 1 to {NAME_CHARACTERS} characters.", "/definition/name")
    if gym.time_zone not in time_zones():
        return Rejection("gym-invalid", "Expected an IANA time zone, e.g. Europe/Prague.", "/definition/time_zone")
    if len(gym.stations) > limits.stations_per_gym:
        return Rejection("gym-invalid", f"At most {limits.stations_per_gym} stations.", "/definition/stations")
    names: set[str] = set()
    for index, station in enumerate(gym.stations):
        pointer = f"/definition/stations/{index}"
        if station.name in names:
            return Rejection("gym-invalid", "Two stations have this name.", f"{pointer}/name")
        names.add(station.name)
        refused = _refused_station(station, pointer, limits)
        if refused is not None:
            return refused
    return None


def _refused_station(station: Station, pointer: str, limits: Limits) -> Rejection | None:
    for field, text in (("name", station.name), ("beacon", station.beacon)):
        if text is not None and not 0 < len(text) <= NAME_CHARACTERS:
            return Rejection("gym-invalid", f"Expected 1 to {NAME_CHARACTERS} characters.", f"{pointer}/{field}")
    if len(station.exercises) > limits.exercises_per_station:
        return Rejection("gym-invalid", f"At most {limits.exercises_per_station} exercises.", f"{pointer}/exercises")
    for index, exercise in enumerate(station.exercises):
        try:
            parse(exercise)
        except ExerciseNameError as error:
            return Rejection("gym-invalid", f"{error}.", f"{pointer}/exercises/{index}")
    return _refused_weights(station, pointer)


def _refused_weights(station: Station, pointer: str) -> Rejection | None:
    least, most = WEIGHT_KG
    weights = (
        ("minimum_kg", station.minimum_kg),
        ("step_kg", station.step_kg),
        ("maximum_kg", station.maximum_kg),
    )
    for field, weight in weights:
        if weight is not None and (outside(weight, least, most) or (field == "step_kg" and weight == 0)):
            return Rejection("gym-invalid", f"Expected a weight up to {most:g} kg, or null.", f"{pointer}/{field}")
    if station.minimum_kg is not None and station.maximum_kg is not None and station.minimum_kg > station.maximum_kg:
        return Rejection("gym-invalid", "The lightest weight exceeds the heaviest.", f"{pointer}/minimum_kg")
    return None


# ── evolving ─────────────────────────────────────────────────────────────────────────────────────────────────────


def evolve_tenant(tenant: TenantState, event: Event) -> TenantState:
    """The tenant after an event of its stream.

    Raises:
        TypeError: Not an event of a tenant's stream.
    """
    match event:
        case did.TenantCreated():
            changed = msgspec.structs.replace(tenant, created_at_ms=event.at_ms, name=event.name)
        case did.GymSet():
            changed = msgspec.structs.replace(tenant, gyms={**tenant.gyms, event.gym: event.definition})
        case did.ModelPublished():
            changed = published(tenant, event)
        case did.WebhookSet():
            changed = webhook_set(tenant, event)
        case did.WebhookRemoved():
            changed = webhook_removed(tenant)
        case _:
            changed = _evolve_credential(tenant, event)
    return changed


def _evolve_credential(tenant: TenantState, event: Event) -> TenantState:
    match event:
        case did.TokenIssued():
            changed = _issued(tenant, event)
        case did.TokenRefreshed():
            changed = _refreshed(tenant, event)
        case did.TokenRevoked():
            changed = _revoked(tenant, event)
        case did.PairingCodeIssued():
            code = PairingCode(event.person, event.expires_at_ms)
            changed = _pruned(tenant, event, {**tenant.codes, event.code_hash: code})
        case did.PairingCodeRedeemed():
            left = {code_hash: code for code_hash, code in tenant.codes.items() if code_hash != event.code_hash}
            changed = _pruned(tenant, event, left)
        case _:
            message = f"{type(event).__name__} is not an event of a tenant"
            raise TypeError(message)
    return changed


def _pruned(tenant: TenantState, event: Event, codes: dict[str, PairingCode]) -> TenantState:
    # By the event's own time, never by a clock: a replay must give the same state in a year.
    live = {code_hash: code for code_hash, code in codes.items() if code.expires_at_ms > event.at_ms}
    return msgspec.structs.replace(tenant, codes=live)


def _issued(tenant: TenantState, event: did.TokenIssued) -> TenantState:
    token = Token(
        token_id=event.token_id, token_hash=event.token_hash, role=event.role, person=event.person,
        device=event.device, note=event.note, refresh_hash=event.refresh_hash, issued_at_ms=event.at_ms,
        expires_at_ms=event.expires_at_ms,
    )  # fmt: skip
    ids = tenant.token_ids.put(event.token_hash, event.token_id)
    if event.refresh_hash is not None:
        ids = ids.put(event.refresh_hash, event.token_id)
    owned = tenant.tokens_of
    if event.person is not None:
        owned = owned.put(event.person, (*(owned.get(event.person) or ()), event.token_id))
    return msgspec.structs.replace(
        tenant, tokens=tenant.tokens.put(event.token_id, token), token_ids=ids, tokens_of=owned
    )


def _refreshed(tenant: TenantState, event: did.TokenRefreshed) -> TenantState:
    token = tenant.tokens.get(event.token_id)
    if token is None:
        return tenant
    spent = (*token.spent, event.spent_refresh_hash)
    ids = tenant.token_ids.drop(token.token_hash)
    for forgotten in spent[:-REMEMBERED_SPENT]:
        ids = ids.drop(forgotten)
    ids = ids.put(event.token_hash, event.token_id).put(event.refresh_hash, event.token_id)
    renewed = msgspec.structs.replace(
        token, token_hash=event.token_hash, refresh_hash=event.refresh_hash, issued_at_ms=event.at_ms,
        expires_at_ms=event.expires_at_ms, spent=spent[-REMEMBERED_SPENT:],
    )  # fmt: skip
    return msgspec.structs.replace(tenant, tokens=tenant.tokens.put(event.token_id, renewed), token_ids=ids)


def _revoked(tenant: TenantState, event: did.TokenRevoked) -> TenantState:
    token = tenant.tokens.get(event.token_id)
    if token is None or token.revoked is not None:
        return tenant
    # A revoked token's hashes go at once: nothing that is looked up by a secret can find it any more.
    ids = tenant.token_ids
    for known_hash in (token.token_hash, token.refresh_hash, *token.spent):
        ids = ids if known_hash is None else ids.drop(known_hash)
    owned = tenant.tokens_of
    if token.person is not None:
        left = tuple(other for other in owned.get(token.person) or () if other != token.token_id)
        owned = owned.put(token.person, left) if left else owned.drop(token.person)
    gone = msgspec.structs.replace(token, refresh_hash=None, spent=(), revoked=event.reason)
    tokens = tenant.tokens.put(token.token_id, gone)
    listed = (*tenant.revoked, token.token_id)
    for forgotten in listed[:-LISTED_REVOKED]:
        tokens = tokens.drop(forgotten)
    return msgspec.structs.replace(
        tenant, tokens=tokens, token_ids=ids, tokens_of=owned, revoked=listed[-LISTED_REVOKED:]
    )
