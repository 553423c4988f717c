"""What a demo needs before its service starts: a tenant, a gym, an owner's token."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from kinelog.actors.region import wall_clock_ms
from kinelog.api.secrets_made import hash_of, new_token, new_token_id
from kinelog.domain.commands import CreateTenant, IssueToken, SetGym
from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.domain.values import Gym, Role, Station
from kinelog.service.configuration import EMBEDDED, DataFolder, Settings
from kinelog.service.errors import RefusedError
from kinelog.service.offline import offline

TENANT = "demo"
GYM = "main-street"
CABLE = Station(
    name="cable-1",
    exercises=("resistanceTargeted:arms/rope-triceps-extension", "resistanceTargeted:arms/rope-biceps-curl"),
    minimum_kg=5,
    step_kg=2.5,
    maximum_kg=80,
)
BENCH = Station(
    name="bench-1",
    exercises=("resistanceTargeted:chest/dumbbell-chest-press",),
    minimum_kg=2.5,
    step_kg=2.5,
    maximum_kg=50,
)
ROWER = Station(name="rower-1", exercises=("indoorsCardio:back/rowing",))
DEFINITION = Gym(name="Main Street Gym", time_zone="Europe/London", stations=(CABLE, BENCH, ROWER))


class Demo(msgspec.Struct, frozen=True):
    """What was set up; kept in the data folder, readable by its owner only, so that a second start is the same gym."""

    tenant: str
    gym: str
    owner_token: str
    store: str = EMBEDDED


def set_up_demo(folder: DataFolder, settings: Settings) -> Demo:
    """Create tenant, gym and owner's token in a store, once; of another store than the last one, anew.

    Raises:
        TryAgainError: A service has the folder open.
        RefusedError: The file that says what was made is damaged.
    """
    file = folder.root / "demo.json"
    if file.exists():
        try:
            known = msgspec.json.decode(file.read_bytes(), type=Demo)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RefusedError(f"{file}: {error}; remove it, and the demo gets another token") from error
        if known.store == settings.store:
            return known
    token_id = new_token_id()
    token = new_token(TENANT, token_id)
    tenant = Person(TENANT, TENANT_PERSON)
    with offline(folder, settings) as here:
        here.opened.keys.enrol_tenant(TENANT)
        here.ask(tenant, CreateTenant(at_ms=wall_clock_ms(), name="Demo"))
        here.ask(tenant, SetGym(at_ms=wall_clock_ms(), gym=GYM, definition=DEFINITION))
        here.ask(
            tenant,
            IssueToken(
                at_ms=wall_clock_ms(), token_id=token_id, token_hash=hash_of(token), role=Role.OWNER, note="demo owner"
            ),
        )
    demo = Demo(TENANT, GYM, token, settings.store)
    write_private(file, msgspec.json.encode(demo))
    return demo


def write_private(file: Path, content: bytes) -> None:
    """Write a file that nobody else may read."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
