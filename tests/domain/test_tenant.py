"""The tenant and its gyms: what is taken, what is refused and where."""

from __future__ import annotations

import math

import msgspec
import pytest
from kinelog.domain import commands as ask
from kinelog.domain.limits import Limits
from kinelog.domain.replies import Done
from kinelog.domain.values import Gym, Role, Station

from tests.domain.ledger import CURL, MORNING, TENANT, Ledger

BENCH = Station("bench-1", (CURL.exercise,), 5.0, 2.5, 100.0, "beacon-7")


@pytest.fixture
def owner() -> Ledger:
    ledger = Ledger()
    ledger.do(ask.CreateTenant(at_ms=MORNING, name="Acme"), TENANT)
    return ledger


def set_gym(definition: Gym, gym: str = "north") -> ask.SetGym:
    return ask.SetGym(at_ms=MORNING, gym=gym, definition=definition)


def test_creating_twice_changes_nothing(owner: Ledger) -> None:
    assert owner.do(ask.CreateTenant(at_ms=MORNING, name="Other"), TENANT) == Done(changed=False)
    assert owner.tenant().name == "Acme"
    assert owner.do(ask.ReadTenant(at_ms=MORNING), TENANT) is owner.tenant()


@pytest.mark.parametrize("name", ["", "x" * 201])
def test_a_tenant_has_a_name(name: str) -> None:
    assert Ledger().refusal(ask.CreateTenant(at_ms=MORNING, name=name), TENANT).code == "tenant-invalid"


@pytest.mark.parametrize(
    "command",
    [
        ask.ReadTenant(at_ms=MORNING),
        set_gym(Gym("North", "Europe/Prague")),
        ask.IssueToken(at_ms=MORNING, token_id="t", token_hash="a" * 64, role=Role.OWNER),
        ask.RevokeTokensOf(at_ms=MORNING, person="0" * 32),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nothing_happens_in_a_tenant_that_does_not_exist(command: ask.Command) -> None:
    assert Ledger().refusal(command, TENANT).code == "tenant-unknown"


def test_a_gym_is_set_and_replaced(owner: Ledger) -> None:
    first, second = Gym("North", "Europe/Prague", (BENCH,)), Gym("North", "America/New_York")
    assert owner.do(set_gym(first), TENANT) == Done()
    assert owner.do(set_gym(first), TENANT) == Done(changed=False)
    assert owner.do(set_gym(second), TENANT) == Done()
    assert owner.tenant().gyms == {"north": second}


def station(**changes: object) -> Gym:
    return Gym("North", "UTC", (msgspec.structs.replace(BENCH, **changes),))


@pytest.mark.parametrize(
    ("definition", "pointer"),
    [
        (Gym("", "UTC"), "/definition/name"),
        (Gym("North", "Prague"), "/definition/time_zone"),
        (Gym("North", "../../etc/passwd"), "/definition/time_zone"),
        (Gym("North", "UTC", tuple(Station(f"s{number}") for number in range(501))), "/definition/stations"),
        (Gym("North", "UTC", (BENCH, BENCH)), "/definition/stations/1/name"),
        (station(name=""), "/definition/stations/0/name"),
        (station(beacon="x" * 201), "/definition/stations/0/beacon"),
        (station(exercises=("curl",)), "/definition/stations/0/exercises/0"),
        (station(exercises=(CURL.exercise,) * 201), "/definition/stations/0/exercises"),
        (station(minimum_kg=-1.0), "/definition/stations/0/minimum_kg"),
        (station(step_kg=0.0), "/definition/stations/0/step_kg"),
        (station(maximum_kg=math.inf), "/definition/stations/0/maximum_kg"),
        (station(minimum_kg=math.nan), "/definition/stations/0/minimum_kg"),
        (station(minimum_kg=200.0), "/definition/stations/0/minimum_kg"),
    ],
)
def test_an_impossible_gym_is_refused_at_its_field(owner: Ledger, definition: Gym, pointer: str) -> None:
    refused = owner.refusal(set_gym(definition), TENANT)
    assert (refused.code, refused.pointer) == ("gym-invalid", pointer)


def test_gyms_are_named_and_capped(owner: Ledger) -> None:
    owner.limits = Limits(gyms_per_tenant=1)
    assert owner.refusal(set_gym(Gym("North", "UTC"), "No/rth"), TENANT).pointer == "/gym"
    owner.do(set_gym(Gym("North", "UTC")), TENANT)
    assert owner.refusal(set_gym(Gym("South", "UTC"), "south"), TENANT).code == "too-many-gyms"
    assert owner.do(set_gym(Gym("Far north", "UTC")), TENANT) == Done()
