"""Whoever guesses pairing codes is told to wait: alone, from many addresses, and with many tries at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.api import application
from kinelog.api.client_network import network_of
from kinelog.api.pairing_tries import SLOTS, PairingTries
from kinelog.api.secrets_made import new_pairing_code

Serve = Callable[..., None]
MINUTE_NS = 60_000_000_000


@dataclass
class StandingClock:
    """Nanoseconds that pass when a test says so."""

    now_ns: int = 1

    def __call__(self) -> int:
        return self.now_ns


def spent(tries: PairingTries, tenant: str, network: str, most: int) -> int:
    """How many wrong codes somebody gets in at one moment, `most` at the most."""
    for number in range(most):
        if tries.wait_s(tenant, network):
            return number
        tries.was_wrong(tenant, network)
    return most


def test_a_network_has_its_number_at_once_and_then_one_after_the_other() -> None:
    clock = StandingClock()
    tries = PairingTries(30, 600, clock)
    assert spent(tries, "alpine", "a", 100) == 30
    assert tries.wait_s("alpine", "a") == 2.0
    clock.now_ns += 2_000_000_000
    assert spent(tries, "alpine", "a", 100) == 1
    clock.now_ns += MINUTE_NS
    assert spent(tries, "alpine", "a", 100) == 30


def test_many_networks_together_have_what_a_tenant_allows_and_others_theirs() -> None:
    tries = PairingTries(30, 600, StandingClock())
    assert sum(spent(tries, "alpine", f"network {number}", 100) for number in range(200)) == 600
    assert tries.wait_s("alpine", "somebody new") > 0
    assert spent(tries, "rival", "network 0", 100) == 30


@given(st.lists(st.tuples(st.integers(0, MINUTE_NS), st.integers(1, 40)), max_size=40), st.integers(1, 40))
def test_in_no_stretch_of_time_is_more_wrong_than_the_number_and_its_share_of_the_minutes(
    bursts: list[tuple[int, int]], most: int
) -> None:
    clock = StandingClock()
    tries = PairingTries(most, 10_000, clock)
    wrong = 0
    for pause_ns, wanted in bursts:
        clock.now_ns += pause_ns
        wrong += spent(tries, "alpine", "a", wanted)
    each_ns = MINUTE_NS // most
    assert wrong <= most + clock.now_ns // each_ns


def test_the_counts_of_a_flood_of_made_up_tenants_take_no_more_room_and_forget_nobody() -> None:
    tries = PairingTries(30, 600, StandingClock())
    assert spent(tries, "alpine", "a", 100) == 30
    for number in range(2 * SLOTS):
        tries.was_wrong(f"made-up-{number}", "b")
    assert tries.wait_s("alpine", "a") > 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        (None, "", True),
        ("/run/kinelog.sock", "", False),
    ],
)
def test_a_network_is_what_one_subscriber_has(one: str | None, other: str | None, same: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert (network_of(one) == network_of(other)) is same


def _pairing(code: str) -> dict[str, str]:
    return {"code": code, "device": "phone", "kind": "iphone"}


def test_a_guesser_is_told_when_to_come_back_and_then_a_right_code_still_pairs(
    serve: Serve, quick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = StandingClock()
    monkeypatch.setattr(application, "PairingTries", lambda own, all_of: PairingTries(own, all_of, clock))

    async def scenario(world: Any) -> None:
        await world.call("PUT", "/v1/users/ada", "owner", body={})
        right = (await world.call("POST", "/v1/users/ada/pairing-codes", "owner")).json["code"]
        assert (await world.call("POST", "/v1/devices:pair", body=_pairing("no code at all"))).status == 404
        # At once and not in turn: whoever is judged last is told the same as if it had come last.
        guesses = (_pairing(new_pairing_code("alpine")) for _ in range(20))
        replies = await asyncio.gather(*(world.call("POST", "/v1/devices:pair", body=guess) for guess in guesses))
        assert sorted(reply.code for reply in replies) == ["code-invalid"] * 3 + ["too-many-tries"] * 17
        waiting = await world.call("POST", "/v1/devices:pair", body=_pairing(right))
        assert (waiting.status, waiting.code, waiting.headers["Retry-After"]) == (429, "too-many-tries", "20")
        assert waiting.json["retryable"] is True
        clock.now_ns += 20_000_000_000
        assert (await world.call("POST", "/v1/devices:pair", body=_pairing(right))).status == 201

    serve(scenario, replace(quick, wrong_codes_of_network=3))


def test_right_codes_do_not_count(serve: Serve, quick: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "PairingTries", lambda own, all_of: PairingTries(own, all_of, StandingClock()))

    async def scenario(world: Any) -> None:
        for number in range(3):
            await world.person("ada", f"phone-{number}")

    serve(scenario, replace(quick, wrong_codes_of_network=1, wrong_codes_of_tenant=1))
