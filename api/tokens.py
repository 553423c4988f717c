"""Tokens of operators and engineers: created, listed and revoked by owners."""

from __future__ import annotations

from aiohttp import web
from kinelog.api.call import Call
from kinelog.api.device_names import revealed
from kinelog.api.documents import TokenAnswer, TokenDocument, TokenList
from kinelog.api.json_body import json_response
from kinelog.api.parameters import TOKEN_ID_PATTERN, matching
from kinelog.api.positions import token_of
from kinelog.api.problems import ProblemError, ProblemPart
from kinelog.api.requests import CreateTokenRequest
from kinelog.api.secrets_made import hash_of, new_token, new_token_id
from kinelog.api.sessions import written
from kinelog.domain.commands import IssueToken, ReadTenant, RevokeToken
from kinelog.domain.identifiers import Person
from kinelog.domain.states import TenantState, Token
from kinelog.domain.values import Role
from kinelog.privacy.key_store import KeyStore

LISTED = 1_000


async def create_token(call: Call) -> web.StreamResponse:
    """Create a token. It is shown in the answer and nowhere else."""
    body = await call.body(CreateTokenRequest)
    if body.role is Role.DEVICE:
        detail = "A device gets its token by pairing."
        raise ProblemError("token-invalid", detail, part=ProblemPart(detail, pointer="/role"))
    tenant = call.principal.tenant
    token_id = new_token_id()
    token = new_token(tenant, token_id)
    command = IssueToken(
        at_ms=call.now_ms, by=call.principal.by, token_id=token_id, token_hash=hash_of(token), role=body.role,
        note=body.note, expires_at_ms=body.expires_at_ms,
    )  # fmt: skip
    try:
        accepted = await call.ask(call.principal.tenant_person, command)
    finally:
        call.context.authentication.distrust(tenant)
    answer = TokenAnswer(
        token=token, token_id=token_id, role=body.role, expires_at_ms=body.expires_at_ms, position=token_of(accepted.at)
    )
    return json_response(answer, 201, {"Cache-Control": "no-store"})


async def list_tokens(call: Call) -> web.StreamResponse:
    """The newest tokens of the tenant, revoked ones included, those of erased people not."""
    tenant = call.principal.tenant
    state = (await call.ask(call.principal.tenant_person, ReadTenant(at_ms=call.now_ms, by=call.principal.by))).reply
    if not isinstance(state, TenantState):
        raise TypeError("ReadTenant answered something else")
    keys = call.context.services.keys

    def documents() -> TokenList:
        # A token of somebody erased is dead, and its device's name, which people choose, may say whose it was.
        shown = [t for t in state.tokens.values() if t.person is None or not keys.is_erased(tenant, t.person)]
        newest = sorted(shown, key=lambda token: (-token.issued_at_ms, token.token_id))[:LISTED]
        return TokenList(
            tokens=tuple(
                TokenDocument(
                    token_id=token.token_id, role=token.role,
                    user=None if token.person is None else keys.name(tenant, token.person),
                    device=_device_of(keys, tenant, token),
                    note=token.note, issued_at_ms=token.issued_at_ms, expires_at_ms=token.expires_at_ms,
                    revoked=token.revoked,
                )
                for token in newest
            )
        )  # fmt: skip

    return json_response(await call.context.blocking(documents))


def _device_of(keys: KeyStore, tenant: str, token: Token) -> str | None:
    if token.person is None or token.device is None:
        return None
    return revealed(keys, Person(tenant, token.person), token.device)


async def delete_token(call: Call) -> web.StreamResponse:
    """Revoke a token."""
    token_id = matching("token", call.part("token"), TOKEN_ID_PATTERN)
    try:
        accepted = await call.ask(
            call.principal.tenant_person, RevokeToken(at_ms=call.now_ms, by=call.principal.by, token_id=token_id)
        )
    finally:
        call.context.authentication.distrust(call.principal.tenant)
    return written(accepted)
