"""Tokens and pairing codes: known by hash, used once, revocable, and a stolen refresh token gives itself away."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.errors import Rejection
from kinelog.domain.limits import Limits
from kinelog.domain.replies import Done, PairingAccepted, TokenAccepted
from kinelog.domain.tenant import LISTED_REVOKED, REMEMBERED_SPENT, evolve_tenant
from kinelog.domain.values import Role

from tests.domain.ledger import MINUTE, MORNING, PERSON, TENANT, Ledger

PSEUDONYM = PERSON.pseudonym
LATER = MORNING + 60 * MINUTE


def sha(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@pytest.fixture
def owner() -> Ledger:
    ledger = Ledger()
    ledger.do(ask.CreateTenant(at_ms=MORNING, name="Acme"), TENANT)
    return ledger


def issue(
    token_id: str, *, device: str | None = "watch", person: str | None = PSEUDONYM, secret: str | None = None,
    expires_at_ms: int | None = LATER, role: Role = Role.DEVICE,
) -> ask.IssueToken:  # fmt: skip
    return ask.IssueToken(
        at_ms=MORNING, token_id=token_id, token_hash=sha(secret or f"token {token_id}"), role=role, person=person,
        device=device, refresh_hash=sha(f"refresh {token_id} 0"), expires_at_ms=expires_at_ms,
    )  # fmt: skip


def refresh(token_id: str, turn: int, *, thief: str = "") -> ask.RefreshToken:
    return ask.RefreshToken(
        at_ms=MORNING + turn, refresh_hash=sha(f"refresh {token_id} {turn}"),
        new_token_hash=sha(f"token {token_id} {turn + 1}{thief}"),
        new_refresh_hash=sha(f"refresh {token_id} {turn + 1}{thief}"), expires_at_ms=LATER,
    )  # fmt: skip


def code(secret: str, *, at_ms: int = MORNING, expires_at_ms: int = LATER) -> ask.IssuePairingCode:
    return ask.IssuePairingCode(at_ms=at_ms, code_hash=sha(secret), person=PSEUDONYM, expires_at_ms=expires_at_ms)


def redeem(secret: str, token_id: str, *, at_ms: int = MORNING) -> ask.RedeemPairingCode:
    return ask.RedeemPairingCode(
        at_ms=at_ms, code_hash=sha(secret), token_id=token_id, token_hash=sha(f"token {token_id}"),
        refresh_hash=sha(f"refresh {token_id} 0"), device="watch", expires_at_ms=None,
    )  # fmt: skip


def refused(answer: object) -> str:
    assert isinstance(answer, Rejection)
    return answer.code


def test_a_token_is_found_by_its_hash_until_it_expires_or_is_revoked(owner: Ledger) -> None:
    assert owner.do(issue("t1"), TENANT) == TokenAccepted("t1", PSEUDONYM, "watch")
    token = owner.tenant().token_by_hash(sha("token t1"))
    assert token is not None
    assert token.valid_at(LATER - 1)
    assert not token.valid_at(LATER)
    assert owner.tenant().token_by_hash(sha("refresh t1 0")) is None, "a refresh token lets nobody in"
    assert owner.do(ask.RevokeToken(at_ms=MORNING, token_id="t1"), TENANT) == Done()
    assert owner.do(ask.RevokeToken(at_ms=MORNING, token_id="t1"), TENANT) == Done(changed=False)
    assert owner.tenant().token_by_hash(sha("token t1")) is None
    assert owner.tenant().token_by_refresh_hash(sha("refresh t1 0")) is None
    listed = owner.tenant().tokens.get("t1")
    assert listed is not None
    assert not listed.valid_at(MORNING)


def test_issuing_the_same_token_again_changes_nothing(owner: Ledger) -> None:
    owner.do(issue("t1"), TENANT)
    assert owner.do(issue("t1"), TENANT) == TokenAccepted("t1", PSEUDONYM, "watch")
    assert len(owner.events(did.TokenIssued)) == 1


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (issue("t1", secret="another"), "token-id-used"),
        (issue("t2", secret="token t1"), "token-hash-used"),
        (issue("t2", device=None), "token-invalid"),
        (issue("t2", person=None), "token-invalid"),
        (issue("t2", person="Jan"), "token-invalid"),
        (issue("t2", device="../x"), "token-invalid"),
        (issue("t 2"), "token-invalid"),
        (issue("t2", expires_at_ms=MORNING), "expiry-invalid"),
        (issue("t2", expires_at_ms=2**60), "expiry-invalid"),
        (ask.IssueToken(at_ms=MORNING, token_id="t2", token_hash="kl.acme.t2.x", role=Role.OWNER), "hash-invalid"),
        (
            ask.IssueToken(at_ms=MORNING, token_id="t2", token_hash=sha("x"), role=Role.OWNER, note="x" * 201),
            "token-invalid",
        ),
        (ask.RevokeToken(at_ms=MORNING, token_id="t2"), "token-unknown"),
        (ask.RevokeTokensOf(at_ms=MORNING, person=PSEUDONYM, reason="x"), "reason-invalid"),
    ],
)
def test_an_impossible_token_is_refused(owner: Ledger, command: ask.Command, error: str) -> None:
    owner.do(issue("t1"), TENANT)
    assert owner.refusal(command, TENANT).code == error


def test_tokens_are_capped_and_revoked_ones_do_not_count(owner: Ledger) -> None:
    owner.limits = Limits(tokens_per_tenant=1)
    owner.do(issue("t1"), TENANT)
    assert owner.refusal(issue("t2"), TENANT).code == "too-many-tokens"
    owner.do(ask.RevokeToken(at_ms=MORNING, token_id="t1"), TENANT)
    assert owner.do(issue("t2"), TENANT) == TokenAccepted("t2", PSEUDONYM, "watch")


def test_tokens_of_a_person_or_of_one_device_are_revoked_together(owner: Ledger) -> None:
    for token_id, device in (("t1", "watch"), ("t2", "phone"), ("t3", "watch")):
        owner.do(issue(token_id, device=device), TENANT)
    owner.do(issue("t4", person="f" * 32), TENANT)
    assert owner.do(ask.RevokeTokensOf(at_ms=MORNING, person=PSEUDONYM, device="watch"), TENANT) == Done()
    assert [event.token_id for event in owner.events(did.TokenRevoked)] == ["t1", "t3"]
    everything = ask.RevokeTokensOf(at_ms=MORNING, person=PSEUDONYM, reason="erased")
    assert owner.do(everything, TENANT) == Done()
    assert owner.do(everything, TENANT) == Done(changed=False)
    assert [(event.token_id, event.reason) for event in owner.events(did.TokenRevoked)][2:] == [("t2", "erased")]


def test_only_the_latest_revoked_tokens_stay_listed(owner: Ledger) -> None:
    state = owner.tenant()
    for number in range(LISTED_REVOKED + 2):
        token_id = f"t{number}"
        issued = did.TokenIssued(at_ms=MORNING, token_id=token_id, token_hash=sha(token_id), role=Role.OWNER)
        state = evolve_tenant(state, issued)
        state = evolve_tenant(state, did.TokenRevoked(at_ms=MORNING, token_id=token_id, reason="asked"))
    assert state.tokens.count == len(state.revoked) == LISTED_REVOKED
    assert state.token_ids.count == 0
    assert state.tokens.get("t1") is None
    assert state.tokens.get("t2") is not None


# ── refreshing ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refresh_replaces_both_secrets(owner: Ledger) -> None:
    owner.do(issue("t1"), TENANT)
    assert owner.do(refresh("t1", 0), TENANT) == TokenAccepted("t1", PSEUDONYM, "watch")
    assert owner.tenant().token_by_hash(sha("token t1")) is None
    token = owner.tenant().token_by_hash(sha("token t1 1"))
    assert token is not None
    assert token.token_id == "t1"
    assert owner.do(refresh("t1", 1), TENANT) == TokenAccepted("t1", PSEUDONYM, "watch")


def test_the_same_refresh_again_is_the_same_request(owner: Ledger) -> None:
    owner.do(issue("t1"), TENANT)
    owner.do(refresh("t1", 0), TENANT)
    assert owner.do(refresh("t1", 0), TENANT) == TokenAccepted("t1", PSEUDONYM, "watch")
    assert len(owner.events(did.TokenRefreshed)) == 1


@pytest.mark.parametrize("turns", [1, 2, REMEMBERED_SPENT])
def test_a_used_refresh_token_revokes_the_token_and_is_refused(owner: Ledger, turns: int) -> None:
    owner.do(issue("t1"), TENANT)
    for turn in range(turns):
        owner.do(refresh("t1", turn), TENANT)
    assert refused(owner.do(refresh("t1", 0, thief="!"), TENANT)) == "refresh-reused"
    (revoked,) = owner.events(did.TokenRevoked)
    assert (revoked.token_id, revoked.reason) == ("t1", "refresh-reused")
    assert refused(owner.do(refresh("t1", turns), TENANT)) == "refresh-invalid"
    assert owner.tenant().token_ids.count == 0


@pytest.mark.parametrize("field", ["new_token_hash", "new_refresh_hash"])
def test_a_used_refresh_token_with_another_secret_is_not_the_same_request(owner: Ledger, field: str) -> None:
    owner.do(issue("t1"), TENANT)
    owner.do(refresh("t1", 0), TENANT)
    other = msgspec.structs.replace(refresh("t1", 0), **{field: sha("other")})
    assert refused(owner.do(other, TENANT)) == "refresh-reused"


def test_a_refresh_token_from_long_ago_is_merely_refused(owner: Ledger) -> None:
    owner.do(issue("t1"), TENANT)
    for turn in range(REMEMBERED_SPENT + 1):
        owner.do(refresh("t1", turn), TENANT)
    assert refused(owner.do(refresh("t1", 0, thief="!"), TENANT)) == "refresh-invalid"
    assert owner.tenant().token_ids.count == 2 + REMEMBERED_SPENT, "the token's, the refresh token's, and those spent"
    assert not owner.events(did.TokenRevoked)


def test_a_token_hash_is_no_refresh_token(owner: Ledger) -> None:
    owner.do(issue("t1"), TENANT)
    command = ask.RefreshToken(
        at_ms=MORNING, refresh_hash=sha("token t1"), new_token_hash=sha("a"), new_refresh_hash=sha("b"),
        expires_at_ms=None,
    )  # fmt: skip
    assert owner.refusal(command, TENANT).code == "refresh-invalid"


# ── pairing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_code_pairs_one_device_once(owner: Ledger) -> None:
    assert owner.do(code("c"), TENANT) == PairingAccepted(LATER)
    assert owner.do(code("c"), TENANT) == PairingAccepted(LATER)
    assert owner.do(redeem("c", "t1"), TENANT) == TokenAccepted("t1", PSEUDONYM, "watch")
    assert owner.do(redeem("c", "t1"), TENANT) == TokenAccepted("t1", PSEUDONYM, "watch")
    assert owner.refusal(redeem("c", "t2"), TENANT).code == "code-invalid"
    assert len(owner.events(did.TokenIssued)) == len(owner.events(did.PairingCodeIssued)) == 1


def test_pairing_a_device_again_replaces_its_token(owner: Ledger) -> None:
    for secret, token_id in (("c", "t1"), ("d", "t2")):
        owner.do(code(secret), TENANT)
        owner.do(redeem(secret, token_id), TENANT)
    (revoked,) = owner.events(did.TokenRevoked)
    assert (revoked.token_id, revoked.reason) == ("t1", "replaced")
    assert owner.tenant().token_by_hash(sha("token t2")) is not None


def test_an_expired_code_and_an_unknown_one_look_the_same(owner: Ledger) -> None:
    owner.do(code("c"), TENANT)
    assert owner.refusal(redeem("c", "t1", at_ms=LATER), TENANT) == owner.refusal(redeem("x", "t1"), TENANT)


def test_expired_codes_are_forgotten_by_the_time_of_events(owner: Ledger) -> None:
    owner.do(code("c"), TENANT)
    owner.do(code("d", at_ms=LATER, expires_at_ms=LATER + 1), TENANT)
    assert list(owner.tenant().codes) == [sha("d")]


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (code("c", expires_at_ms=LATER + 1), "code-used"),
        (code("d", expires_at_ms=MORNING), "expiry-invalid"),
        (code("d"), "too-many-codes"),
        (msgspec.structs.replace(code("d"), code_hash="acme-12345678"), "hash-invalid"),
        (msgspec.structs.replace(code("d"), person="Jan"), "token-invalid"),
        (redeem("c", "t 1"), "token-invalid"),
    ],
)
def test_an_impossible_code_is_refused(owner: Ledger, command: ask.Command, error: str) -> None:
    owner.limits = Limits(codes_per_tenant=1)
    owner.do(code("c"), TENANT)
    assert owner.refusal(command, TENANT).code == error
