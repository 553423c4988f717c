"""Devices: pairing by code, tokens that refresh, removal, push targets."""

from __future__ import annotations

from aiohttp import web
from kinelog.api import committed, json_body
from kinelog.api.call import Call
from kinelog.api.client_network import network_of
from kinelog.api.context import Context
from kinelog.api.device_names import concealed, revealed
from kinelog.api.documents import DeviceTokens, PairingCodeAnswer
from kinelog.api.json_body import json_response
from kinelog.api.parameters import matching
from kinelog.api.positions import token_of
from kinelog.api.problems import ProblemError
from kinelog.api.requests import NoFields, PairDeviceRequest, PushTargetRequest, RefreshTokenRequest
from kinelog.api.secrets_made import (
    REFRESH_PREFIX,
    hash_of,
    new_pairing_code,
    new_refresh_token,
    new_token,
    new_token_id,
    tenant_and_code,
    tenant_and_id,
)
from kinelog.api.sessions import written
from kinelog.api.whose import person_named, user_state
from kinelog.domain.commands import (
    AddDevice,
    IssuePairingCode,
    RedeemPairingCode,
    RefreshToken,
    RemoveDevice,
    RevokeTokensOf,
    SetPushTarget,
)
from kinelog.domain.identifiers import DEVICE_PATTERN, TENANT_PERSON, Person
from kinelog.domain.replies import TokenAccepted
from kinelog.domain.states import PairingCode

# Nobody may store an answer that holds a secret.
_UNSTORED = {"Cache-Control": "no-store"}
_CHANGES_NOTHING = ("refresh-invalid", "tenant-unknown", "user-erased")
_CODE_INVALID = "The pairing code is not valid, was used, or has expired; ask for another."


async def create_pairing_code(call: Call) -> web.StreamResponse:
    """Make a code with which one device can be paired with the person."""
    person = await person_named(call)
    await call.body_or_empty(NoFields)
    await user_state(call, person)
    code = new_pairing_code(person.tenant)
    expires_at_ms = call.now_ms + call.context.services.settings.pairing_code_ms
    command = IssuePairingCode(
        at_ms=call.now_ms, by=call.principal.by, code_hash=hash_of(code), person=person.pseudonym,
        expires_at_ms=expires_at_ms,
    )  # fmt: skip
    try:
        accepted = await call.ask(call.principal.tenant_person, command)
    finally:
        call.context.authentication.distrust(person.tenant)
    answer = PairingCodeAnswer(code=code, expires_at_ms=expires_at_ms, position=token_of(accepted.at))
    return json_response(answer, 201, _UNSTORED)


async def pair_device(request: web.Request, context: Context) -> web.StreamResponse:
    """Exchange a pairing code for the tokens of a device."""
    services = context.services
    body = await json_body.read_json(request, PairDeviceRequest, services.settings)
    named = tenant_and_code(body.code)
    if named is None:
        raise ProblemError("code-invalid", _CODE_INVALID)
    tenant, code = named
    now_ms = services.clock_ms()
    waiting = await _waiting_code(context, tenant, code, network_of(request.remote), now_ms)
    # The device first: if it cannot be added, the code is not spent. A device without a token is harmless.
    person = Person(tenant, waiting.person)
    added = AddDevice(at_ms=now_ms, by=waiting.person, device=body.device, kind=body.kind)
    await committed.ask(services.region, person, added, services.settings.answer_s)
    token_id = new_token_id()
    token, refresh = new_token(tenant, token_id), new_refresh_token(tenant, token_id)
    expires_at_ms = now_ms + services.settings.device_token_ms
    command = RedeemPairingCode(
        at_ms=now_ms, by=waiting.person, code_hash=hash_of(code), token_id=token_id, token_hash=hash_of(token),
        refresh_hash=hash_of(refresh), device=await context.blocking(concealed, services.keys, person, body.device),
        expires_at_ms=expires_at_ms,
    )  # fmt: skip
    try:
        tenant_person, within_s = Person(tenant, TENANT_PERSON), services.settings.answer_s
        accepted = await committed.ask(services.region, tenant_person, command, within_s)
    finally:
        context.authentication.distrust(tenant)
    name = await context.blocking(services.keys.name, tenant, waiting.person)
    tokens = DeviceTokens(
        token=token, refresh_token=refresh, token_id=token_id, tenant=tenant, user=name, device=body.device,
        expires_at_ms=expires_at_ms, position=token_of(accepted.at),
    )  # fmt: skip
    return json_response(tokens, 201, _UNSTORED)


async def _waiting_code(context: Context, tenant: str, code: str, network: str, now_ms: int) -> PairingCode:
    _refuse_guessing(context, tenant, network)  # before anything is looked up for who only guesses
    waiting = await context.authentication.look_up(tenant, lambda state: state.codes.get(hash_of(code)))
    # And here, in one step with the verdict: of any number of codes tried at the same time, no more are judged.
    _refuse_guessing(context, tenant, network)
    if waiting is None or waiting.expires_at_ms <= now_ms:
        context.pairing_tries.was_wrong(tenant, network)
        raise ProblemError("code-invalid", _CODE_INVALID)
    return waiting


def _refuse_guessing(context: Context, tenant: str, network: str) -> None:
    wait_s = context.pairing_tries.wait_s(tenant, network)
    if wait_s > 0:
        raise ProblemError("too-many-tries", "Wait a moment, then try the code again.", retry_after_s=wait_s)


async def refresh_tokens(request: web.Request, context: Context) -> web.StreamResponse:
    """Exchange a refresh token, once, for a new token and refresh token of the same device."""
    services = context.services
    body = await json_body.read_json(request, RefreshTokenRequest, services.settings)
    named = tenant_and_id(body.refresh_token, REFRESH_PREFIX)
    if named is None:
        raise ProblemError("refresh-invalid", "The refresh token is not valid; pair the device again.")
    tenant, token_id = named
    now_ms = services.clock_ms()
    token, refresh = new_token(tenant, token_id), new_refresh_token(tenant, token_id)
    expires_at_ms = now_ms + services.settings.device_token_ms
    command = RefreshToken(
        at_ms=now_ms, by=f"token:{token_id}", refresh_hash=hash_of(body.refresh_token),
        new_token_hash=hash_of(token), new_refresh_hash=hash_of(refresh), expires_at_ms=expires_at_ms,
    )  # fmt: skip
    try:
        tenant_person, within_s = Person(tenant, TENANT_PERSON), services.settings.answer_s
        accepted = await committed.ask(services.region, tenant_person, command, within_s)
    except ProblemError as problem:
        # Anybody can send a made-up token. Nothing was changed by it, so what is known of the tenant stays: or else
        # strangers could have every token of the tenant verified anew at every request.
        if problem.kind.code not in _CHANGES_NOTHING:
            context.authentication.distrust(tenant)
            raise
        raise ProblemError("refresh-invalid", "The refresh token is not valid; pair the device again.") from problem
    context.authentication.distrust(tenant)
    known = accepted.reply
    if not isinstance(known, TokenAccepted):
        raise TypeError("RefreshToken answered something else")
    if known.person is None or known.device is None:
        raise TypeError("a token that is refreshed is a device's")
    person = Person(tenant, known.person)
    name = await context.blocking(services.keys.name, *person)
    device = await context.blocking(revealed, services.keys, person, known.device)
    tokens = DeviceTokens(
        token=token, refresh_token=refresh, token_id=token_id, tenant=tenant, user=name, device=device,
        expires_at_ms=expires_at_ms, position=token_of(accepted.at),
    )  # fmt: skip
    return json_response(tokens, 200, _UNSTORED)


async def delete_device(call: Call) -> web.StreamResponse:
    """Forget a device and revoke its tokens; its frames stay."""
    device = matching("device", call.part("device"), DEVICE_PATTERN)
    person = await _device_owner(call)
    accepted = await call.ask(person, RemoveDevice(at_ms=call.now_ms, by=call.principal.by, device=device))
    word = await call.context.blocking(concealed, call.context.services.keys, person, device)
    revoke = RevokeTokensOf(at_ms=call.now_ms, by=call.principal.by, person=person.pseudonym, device=word)
    try:
        await call.ask(call.principal.tenant_person, revoke)
    finally:
        call.context.authentication.distrust(person.tenant)
    return written(accepted)


async def put_push_target(call: Call) -> web.StreamResponse:
    """Say where a device can be notified."""
    device = matching("device", call.part("device"), DEVICE_PATTERN)
    person = await _device_owner(call)
    body = await call.body(PushTargetRequest)
    command = SetPushTarget(at_ms=call.now_ms, by=call.principal.by, device=device, target=body.target)
    return written(await call.ask(person, command))


async def _device_owner(call: Call) -> Person:
    if "user" in call.request.match_info:
        return await person_named(call)
    if call.principal.myself is None:
        raise ProblemError("bad-request", "An operator names the user: /v1/users/{user}/devices/{device}.")
    return call.principal.myself
