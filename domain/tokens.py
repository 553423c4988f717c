"""Tokens and pairing codes of a tenant: known by their hashes only, used up once, revocable.

Hashes are found by lookup and then compared in constant time; they are SHA-256 of long random secrets, so that what the
time of the lookup could tell is of no use to anybody.
"""

from __future__ import annotations

import re

from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.decision import Decision
from kinelog.domain.errors import Rejection
from kinelog.domain.events import Event
from kinelog.domain.identifiers import PSEUDONYM_PATTERN
from kinelog.domain.limits import Limits
from kinelog.domain.ranges import LATEST_MS
from kinelog.domain.replies import Done, PairingAccepted, TokenAccepted
from kinelog.domain.states import TenantState, Token, same_hash
from kinelog.domain.values import Role

NOTE_CHARACTERS = 200
_HASH = re.compile(r"[0-9a-f]{64}")
# Not the name itself, which people choose and which must go with them: callers conceal it under the person's key.
_CONCEALED_DEVICE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TOKEN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_CODE_INVALID = Rejection("code-invalid", "The pairing code is not valid, was used, or has expired; ask for another.")
_REFRESH_INVALID = Rejection("refresh-invalid", "The refresh token is not valid; pair the device again.")


def decide_issue(stream: str, command: ask.IssueToken, tenant: TenantState, limits: Limits) -> Decision | Rejection:
    """Decide to make a token known."""
    known = tenant.tokens.get(command.token_id)
    if known is not None and known.revoked is None and same_hash(known.token_hash, command.token_hash):
        return Decision((), _accepted(known))
    refused = _refused_token(command) or _refused_hashes(command.token_id, _hashes(command), tenant, limits)
    if refused is not None:
        return refused
    event = did.TokenIssued(
        at_ms=command.at_ms, by=command.by, token_id=command.token_id, token_hash=command.token_hash,
        role=command.role, person=command.person, device=command.device, note=command.note,
        refresh_hash=command.refresh_hash, expires_at_ms=command.expires_at_ms,
    )  # fmt: skip
    return Decision(((stream, event),), TokenAccepted(command.token_id, command.person, command.device))


def _hashes(command: ask.IssueToken) -> tuple[str, ...]:
    return (command.token_hash,) if command.refresh_hash is None else (command.token_hash, command.refresh_hash)


def _refused_token(command: ask.IssueToken) -> Rejection | None:
    field = None
    if command.person is not None and not PSEUDONYM_PATTERN.fullmatch(command.person):
        field = "person"
    elif command.device is not None and not _CONCEALED_DEVICE.fullmatch(command.device):
        field = "device"
    elif command.role is Role.DEVICE and (command.person is None or command.device is None):
        field = "device" if command.person else "person"
    elif len(command.note) > NOTE_CHARACTERS:
        field = "note"
    if field is not None:
        return Rejection("token-invalid", f"{field} is not acceptable for a {command.role} token.", f"/{field}")
    return _refused_expiry(command.expires_at_ms, command.at_ms)


def _refused_expiry(expires_at_ms: int | None, at_ms: int) -> Rejection | None:
    if expires_at_ms is None or at_ms < expires_at_ms < LATEST_MS:
        return None
    return Rejection("expiry-invalid", "The expiry must lie in the future.", "/expires_at_ms")


def _refused_hashes(token_id: str, hashes: tuple[str, ...], tenant: TenantState, limits: Limits) -> Rejection | None:
    if not _TOKEN_ID.fullmatch(token_id):
        return Rejection("token-invalid", "A token's id has up to 64 letters, digits, - and _.", "/token_id")
    if tenant.tokens.get(token_id) is not None:
        return Rejection("token-id-used", "A token of this id exists; make a new id.", "/token_id")
    if tenant.tokens.count - len(tenant.revoked) >= limits.tokens_per_tenant:
        return Rejection("too-many-tokens", f"At most {limits.tokens_per_tenant} tokens; revoke some first.")
    return _refused_new_hashes(hashes, tenant)


def _refused_new_hashes(hashes: tuple[str, ...], tenant: TenantState) -> Rejection | None:
    if not all(_HASH.fullmatch(text) for text in hashes) or len(set(hashes)) < len(hashes):
        return Rejection("hash-invalid", "Expected different SHA-256 hashes in lower-case hexadecimal.", "/token_hash")
    if any(tenant.token_ids.get(text) is not None for text in hashes):
        return Rejection("token-hash-used", "This secret is in use; make a new one.", "/token_hash")
    return None


def decide_refresh(stream: str, command: ask.RefreshToken, tenant: TenantState) -> Decision | Rejection:
    """Decide to replace a token's secret.

    A refresh token works once. Whoever shows a used-up one has an old copy, and nobody can tell the thief from the
    owner: the token is revoked. That is an event, so the refusal comes as the reply of a decision.
    """
    token = tenant.token_by_refresh_hash(command.refresh_hash)
    if token is None:
        return _REFRESH_INVALID
    if token.refresh_hash is None or not same_hash(token.refresh_hash, command.refresh_hash):
        return _refresh_again(stream, command, token)
    refused = _refused_new_hashes((command.new_token_hash, command.new_refresh_hash), tenant)
    refused = refused or _refused_expiry(command.expires_at_ms, command.at_ms)
    if refused is not None:
        return refused
    event = did.TokenRefreshed(
        at_ms=command.at_ms, by=command.by, token_id=token.token_id, token_hash=command.new_token_hash,
        refresh_hash=command.new_refresh_hash, spent_refresh_hash=command.refresh_hash,
        expires_at_ms=command.expires_at_ms,
    )  # fmt: skip
    return Decision(((stream, event),), _accepted(token))


def _refresh_again(stream: str, command: ask.RefreshToken, token: Token) -> Decision | Rejection:
    if not any(same_hash(spent, command.refresh_hash) for spent in token.spent):
        return _REFRESH_INVALID
    # The very same request again (its commit was in doubt) brings the very same new secrets; a thief's cannot.
    same_token = same_hash(token.token_hash, command.new_token_hash)
    if same_token and same_hash(token.refresh_hash or "", command.new_refresh_hash):
        return Decision((), _accepted(token))
    detail = "The refresh token was used before. The device's token is revoked; pair the device again."
    return Decision(
        ((stream, _revoked(command, token.token_id, "refresh-reused")),), Rejection("refresh-reused", detail)
    )


def decide_revoke(stream: str, command: ask.RevokeToken, tenant: TenantState) -> Decision | Rejection:
    """Decide to revoke one token."""
    token = tenant.tokens.get(command.token_id)
    if token is None:
        return Rejection("token-unknown", "There is no token of this id.", "/token_id")
    if token.revoked is not None:
        return Decision((), Done(changed=False))
    return Decision(((stream, _revoked(command, token.token_id, "asked")),), Done())


def decide_revoke_of(stream: str, command: ask.RevokeTokensOf, tenant: TenantState) -> Decision | Rejection:
    """Decide to revoke the tokens of a person, or of one device of theirs."""
    if command.reason not in {"asked", "erased"}:
        return Rejection(
            "reason-invalid", "Tokens are revoked as `asked` or because their person is `erased`.", "/reason"
        )
    events = _revoke_all(stream, command, tenant, command.person, command.device, command.reason)
    return Decision(events, Done(changed=bool(events)))


def _revoke_all(
    stream: str, command: ask.Command, tenant: TenantState, person: str, device: str | None, reason: str
) -> tuple[tuple[str, Event], ...]:
    tokens = (tenant.tokens.get(token_id) for token_id in tenant.tokens_of.get(person) or ())
    return tuple(
        (stream, _revoked(command, token.token_id, reason))
        for token in tokens
        if token is not None and (device is None or token.device == device)
    )


def _revoked(command: ask.Command, token_id: str, reason: str) -> did.TokenRevoked:
    return did.TokenRevoked(at_ms=command.at_ms, by=command.by, token_id=token_id, reason=reason)


def decide_code(
    stream: str, command: ask.IssuePairingCode, tenant: TenantState, limits: Limits
) -> Decision | Rejection:
    """Decide to make a pairing code known."""
    known = tenant.codes.get(command.code_hash)
    if known is not None:
        if (known.person, known.expires_at_ms) == (command.person, command.expires_at_ms):
            return Decision((), PairingAccepted(known.expires_at_ms))
        return Rejection("code-used", "This code is waiting for somebody else; make a new one.", "/code_hash")
    refused = _refused_code(command) or _refused_expiry(command.expires_at_ms, command.at_ms)
    if refused is not None:
        return refused
    if sum(code.expires_at_ms > command.at_ms for code in tenant.codes.values()) >= limits.codes_per_tenant:
        return Rejection("too-many-codes", "Too many pairing codes are waiting; try again later.", retryable=True)
    event = did.PairingCodeIssued(
        at_ms=command.at_ms, by=command.by,
        code_hash=command.code_hash, person=command.person, expires_at_ms=command.expires_at_ms,
    )  # fmt: skip
    return Decision(((stream, event),), PairingAccepted(command.expires_at_ms))


def _refused_code(command: ask.IssuePairingCode) -> Rejection | None:
    if not _HASH.fullmatch(command.code_hash):
        return Rejection("hash-invalid", "Expected a SHA-256 hash in lower-case hexadecimal.", "/code_hash")
    if not PSEUDONYM_PATTERN.fullmatch(command.person):
        return Rejection("token-invalid", "A code is for one person.", "/person")
    return None


def decide_redeem(
    stream: str, command: ask.RedeemPairingCode, tenant: TenantState, limits: Limits
) -> Decision | Rejection:
    """Decide to exchange a pairing code for a device token; the device's former token is revoked as `replaced`."""
    known = tenant.tokens.get(command.token_id)
    if known is not None and known.revoked is None and same_hash(known.token_hash, command.token_hash):
        return Decision((), _accepted(known))
    code = tenant.codes.get(command.code_hash)
    if code is None or code.expires_at_ms <= command.at_ms:
        return _CODE_INVALID
    issue = ask.IssueToken(
        at_ms=command.at_ms, by=command.by, token_id=command.token_id, token_hash=command.token_hash,
        role=Role.DEVICE, person=code.person, device=command.device, refresh_hash=command.refresh_hash,
        expires_at_ms=command.expires_at_ms,
    )  # fmt: skip
    issued = decide_issue(stream, issue, tenant, limits)
    if isinstance(issued, Rejection):
        return issued
    redeemed = did.PairingCodeRedeemed(
        at_ms=command.at_ms, by=command.by, code_hash=command.code_hash, token_id=command.token_id
    )
    replaced = _revoke_all(stream, command, tenant, code.person, command.device, "replaced")
    return Decision(((stream, redeemed), *replaced, *issued.events), issued.reply)


def _accepted(token: Token) -> TokenAccepted:
    return TokenAccepted(token.token_id, token.person, token.device)
