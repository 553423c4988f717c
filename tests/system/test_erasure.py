"""Who is erased is gone: from every answer, every file and every backup of the log, whatever key is left."""

from __future__ import annotations

import json
import secrets
import shutil
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from kinelog.api.route import Route
from kinelog.api.route_table import ROUTES
from kinelog.domain.events import UserErased
from kinelog.domain.identifiers import Person, shard_of
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.privacy.key_store import KeyStore
from kinelog.projections.sqlite_views import SqliteViews

from tests.projections.gym_floor import dump
from tests.system.asking import Asking, Reply, eventually
from tests.system.guests import FRAMES, GYM, Guest, enrol, open_gym, train
from tests.system.leftovers import every_key, opened_by, sealed_things, traces
from tests.system.running_service import RunningService, kinelog, prepare

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

TENANT = "iron-works"


@dataclass
class Gone:
    """A gym in which Alice was erased and Bob was not; the service has stopped."""

    root: Path
    owner_token: str
    alice: Guest
    bob: Guest
    pseudonym: str
    raw_key: bytes
    wrapped: bytes
    backups: dict[str, str]
    found_before: list[str]
    answers: dict[str, Reply] = field(default_factory=dict)
    owner_sees: dict[str, Reply] = field(default_factory=dict)
    live: str = ""

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def person(self) -> Person:
        return Person(TENANT, self.pseudonym)

    @property
    def erasures(self) -> Path:
        return self.data / "keys" / "erasures.log"

    def of_hers(self) -> list[bytes]:
        """Bytes that say something about her, whoever reads them."""
        samples = [rows.tobytes() for rows in self.alice.samples]
        # Ten samples from the middle of each second: a part that is left is found too.
        pieces = [rows[20:30] for rows in samples] + [frame[40:70] for frame in self.alice.frames]
        words = [self.alice.name.encode(), self.alice.feedback.encode(), self.alice.token.encode()]
        return [*words, self.raw_key, self.raw_key.hex().encode(), self.wrapped, *self.alice.frames, *samples, *pieces]


def ask_about(owner: Asking, guest: Guest, token: str) -> dict[str, Reply]:
    """Every route that reads and names a user or a session, asked about both sessions of a guest."""
    asking = Asking(owner.url, token)
    answers = {}
    for route in ROUTES:
        if route.method == "GET" and ("{user}" in route.path or "{session}" in route.path):
            for session in (guest.ended, guest.open):
                path = filled(route, guest.name, session)
                answers[path] = asking.get(path)
    return answers


def filled(route: Route, user: str, session: str) -> str:
    return route.path.replace("{user}", user).replace("{session}", session).replace("{number}", "1")


def places(owner: Asking, position: str) -> dict[str, Reply]:
    """What the gym's own pages show, as of a position."""
    kinds = ("sessions", "occupancy", "stations")
    return {kind: owner.get(f"/v1/gyms/{GYM}/{kind}?min_position={position}") for kind in kinds}


def shown_at(owner: Asking, position: str) -> bool:
    """Whether the views are that far."""
    return all(reply.status == 200 for reply in places(owner, position).values())


def settled_places(owner: Asking, *positions: str) -> dict[str, Reply]:
    """The same, once the views are as far as each position: two people may be in two shards."""
    for position in positions:
        eventually(partial(shown_at, owner, position), "views at the position")
    return places(owner, positions[-1])


@pytest.fixture(scope="module")
def gone(tmp_path_factory: pytest.TempPathFactory) -> Gone:
    root = tmp_path_factory.mktemp("erasure")
    data = root / "data"
    token = prepare(data, TENANT)
    with RunningService(data) as service:
        owner = Asking(service.url, token)
        open_gym(owner)
        alice, bob = enrol(owner, "alice-appleseed", 1), enrol(owner, "bob-the-builder", 2)
        before = settled_places(owner, train(owner, alice), train(owner, bob))
        assert service.terminate(timeout_s=60) == 0, service.log  # with snapshots of everybody
    assert len(before["sessions"].json["sessions"]) == 4
    with closing(KeyStore.open(data / "keys")) as keys:
        pseudonym = keys.pseudonym(TENANT, alice.name)
        assert pseudonym is not None
        raw_key = keys.sealer(TENANT, pseudonym)._key
        row = keys._table.find((TENANT, pseudonym))
        assert row is not None
    with RunningService(data) as service:
        owner = Asking(service.url, token)
        backup = kinelog(
            "backup", "--data", str(data), "--to", str(root / "logs"), "--keys-to", str(root / "old-keys"), "--json"
        )
        assert backup.returncode == 0, backup.stderr
        found = Gone(root, token, alice, bob, pseudonym, raw_key, row.wrapped, json.loads(backup.stdout), [])
        found.found_before = traces(data, found.of_hers())
        assert {r.status for r in ask_about(owner, alice, token).values()} == {200}
        erased = owner.call("DELETE", f"/v1/users/{alice.name}")
        assert erased.status == 200, erased.body
        found.answers = ask_about(owner, alice, token)
        found.answers |= {f"her own: {path}": reply for path, reply in ask_about(owner, alice, alice.token).items()}
        refresh = owner.call("POST", "/v1/tokens:refresh", {"refresh_token": alice.refresh})
        found.answers["her own: refresh"] = refresh
        found.owner_sees = settled_places(owner, erased.json["position"])
        found.owner_sees |= {f"bob: {path}": reply for path, reply in ask_about(owner, bob, token).items()}
        found.owner_sees["tokens"] = owner.get("/v1/tokens")
        found.owner_sees["metrics"] = owner.get("/metrics")
        found.live = owner.first_event(f"/v1/gyms/{GYM}/live")
        assert service.terminate(timeout_s=60) == 0, service.log
        assert alice.name not in service.log
    return found


def test_no_route_answers_anything_of_her_and_her_tokens_are_dead(gone: Gone) -> None:
    hers = {path: reply for path, reply in gone.answers.items() if path.startswith("her own: ")}
    assert len(hers) > 10
    assert {reply.status for reply in hers.values()} == {401}
    others = {path: reply.status for path, reply in gone.answers.items() if path not in hers}
    assert set(others.values()) <= {404, 410}, others


def test_lists_and_figures_of_the_gym_count_her_no_more(gone: Gone) -> None:
    seen = gone.owner_sees
    listed = {session["session"] for session in seen["sessions"].json["sessions"]}
    assert listed == {gone.bob.ended, gone.bob.open}
    assert sum(hour["sessions"] for hour in seen["occupancy"].json["hours"]) == 2
    assert sum(row["sets"] for row in seen["stations"].json["stations"]) == 2
    assert gone.bob.open in gone.live
    for said in [gone.live.encode(), *(reply.body for reply in seen.values())]:
        for hers in (gone.alice.name, gone.alice.ended, gone.alice.open, gone.pseudonym):
            assert hers.encode() not in said
    assert {reply.status for path, reply in seen.items() if path.startswith("bob: ")} == {200}


def test_no_byte_of_hers_is_in_any_file_that_is_left(gone: Gone) -> None:
    # The search finds what is there: rows and wrapped key before the erasure, Bob's rows after it.
    assert any("views.db" in where for where in gone.found_before)
    assert any("keys.db" in where for where in gone.found_before)
    assert traces(gone.data, [gone.bob.samples[0].tobytes()[20:30]])
    assert traces(gone.data, gone.of_hers()) == []
    assert traces(Path(gone.backups["log"]), gone.of_hers()) == []


def test_no_key_that_is_left_opens_any_payload_of_hers(gone: Gone) -> None:
    keys = every_key(gone.data)
    assert gone.raw_key not in keys
    things = sealed_things(gone.data / "log") + sealed_things(Path(gone.backups["log"]))
    hers = [thing for thing in things if thing.entity.startswith(gone.person.persistence_id)]
    kinds = {thing.kind for thing in hers}
    assert {"FrameRecorded", "FrameRejected", "FrameQuarantined", "SetLabelled", "FeedbackGiven"} <= kinds
    assert "snapshot" not in kinds
    assert sum(thing.kind == "FrameRecorded" for thing in hers) == 2 * 2 * FRAMES
    assert [thing for thing in hers if opened_by(thing, keys) is not None] == []
    # The key that was destroyed did open them all: it is the key that is missing, not the way of looking.
    assert all(opened_by(thing, [gone.raw_key]) is not None for thing in hers)


def test_what_other_peoples_keys_open_says_nothing_of_her(gone: Gone) -> None:
    keys = every_key(gone.data)
    things = sealed_things(gone.data / "log") + sealed_things(Path(gone.backups["log"]))
    others = [thing for thing in things if not thing.entity.startswith(gone.person.persistence_id)]
    contents = [opened_by(thing, keys) for thing in others]
    assert None not in contents
    assert len(contents) > 2 * FRAMES
    needles = [gone.alice.name.encode(), gone.alice.feedback.encode(), *gone.alice.frames]
    for thing, content in zip(others, contents, strict=True):
        assert content is not None
        assert not any(needle in content for needle in needles), thing.kind


def test_no_view_has_a_row_of_hers_and_a_rebuild_gives_the_same_tables(gone: Gone) -> None:
    assert traces(gone.data / "views", [gone.pseudonym.encode(), gone.alice.open.encode()]) == []
    live = dump_of(gone.data)
    assert sum(len(rows) for rows in live.values()) > 4 * FRAMES
    rebuilt = kinelog("project", "--data", str(gone.data), "--rebuild", "all")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert dump_of(gone.data) == live
    assert traces(gone.data / "views", gone.of_hers()) == []


def listed_at(owner: Asking, path: str) -> set[str] | None:
    """Sessions of a list; None while there are no views."""
    reply = owner.get(path)
    return {row["session"] for row in reply.json["sessions"]} if reply.status == 200 else None


def dump_of(data: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all live views, the log folded to its end."""
    assert kinelog("project", "--data", str(data), "--once").returncode == 0
    with closing(SqliteViews(data / "views" / "views.db")) as store:
        return dump(store)


def test_old_backups_do_not_bring_her_back_but_bring_bob(gone: Gone) -> None:
    target = gone.root / "restored"
    master = gone.data / "keys" / "master.key"
    sources = ("--log", gone.backups["log"], "--keys", gone.backups["keys"], "--master-key", str(master))
    refused = kinelog("restore", *sources, "--to", str(target))
    assert refused.returncode == 64
    assert "--erasures" in refused.stderr
    assert not target.exists()
    restored = kinelog("restore", *sources, "--erasures", str(gone.erasures), "--to", str(target), "--json")
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["erased_again"] == 1
    assert traces(target, gone.of_hers()) == []
    with RunningService(target) as service:
        owner = Asking(service.url, gone.owner_token)
        path = f"/v1/users/{gone.bob.name}/sessions"
        eventually(lambda: listed_at(owner, path) == {gone.bob.ended, gone.bob.open}, "Bob's sessions are folded again")
        samples = f"/v1/users/{gone.bob.name}/sessions/{gone.bob.ended}/samples"
        eventually(lambda: bool(owner.get(samples).json.get("samples")), "his samples are folded again, too")
        assert {reply.status for reply in ask_about(owner, gone.alice, gone.owner_token).values()} <= {404, 410}
        assert {reply.status for reply in ask_about(owner, gone.alice, gone.alice.token).values()} <= {401, 404, 410}
        assert listed_at(owner, f"/v1/gyms/{GYM}/sessions") == {gone.bob.ended, gone.bob.open}
        assert service.terminate(timeout_s=60) == 0, service.log
    assert gone.raw_key not in every_key(target)
    assert traces(target, gone.of_hers()) == []


def test_a_purged_backup_of_keys_holds_hers_no_more(gone: Gone) -> None:
    purged = gone.root / "purged-keys"
    shutil.copytree(gone.backups["keys"], purged)
    assert traces(purged, [gone.wrapped])
    done = kinelog("backup", "--purge-erased", str(purged), "--erasures", str(gone.erasures))
    assert done.returncode == 0, done.stderr
    assert traces(purged, gone.of_hers()) == []


def test_the_command_line_erases_through_a_service_and_without_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    token = prepare(data, TENANT)
    with RunningService(data) as service:
        owner = Asking(service.url, token)
        open_gym(owner)
        carol, dave = enrol(owner, "carol-danvers", 3), enrol(owner, "dave-bowman", 4)
        train(owner, carol)
        train(owner, dave)
        asked = kinelog("user", "erase", carol.name, "--yes", "--url", service.url, KINELOG_TOKEN=token)
        assert asked.returncode == 0, asked.stderr
        assert owner.get(f"/v1/users/{carol.name}").status == 404
        again = kinelog("user", "erase", carol.name, "--yes", "--url", service.url, KINELOG_TOKEN=token)
        assert again.returncode == 65
        offline = kinelog("user", "erase", dave.name, "--yes", "--data", str(data), "--tenant", TENANT)
        assert offline.returncode == 75  # a service has the folder
        assert service.terminate(timeout_s=60) == 0, service.log
    offline = kinelog("user", "erase", dave.name, "--yes", "--data", str(data), "--tenant", TENANT)
    assert offline.returncode == 0, offline.stderr
    assert kinelog("project", "--data", str(data), "--once").returncode == 0
    for guest in (carol, dave):
        pieces = [rows.tobytes()[20:30] for rows in guest.samples]
        assert traces(data, [guest.name.encode(), guest.feedback.encode(), *pieces]) == []
    assert len(every_key(data)) == 1  # the tenant's own
    assert len((data / "keys" / "erasures.log").read_text().splitlines()) == 2


def test_an_erasure_that_a_crash_stopped_behind_its_commit_is_finished_at_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    token = prepare(data, TENANT)
    with RunningService(data) as service:
        owner = Asking(service.url, token)
        open_gym(owner)
        erin = enrol(owner, "erin-brockovich", 5)
        settled_places(owner, train(owner, erin))
        assert service.terminate(timeout_s=60) == 0, service.log
    pieces = [rows.tobytes()[20:30] for rows in erin.samples]
    person, raw_key = commit_erasure_only(data, erin.name)
    assert raw_key in every_key(data)
    # Without a worker, so that her rows are still in the views: what was erased must not be shown from there.
    with RunningService(data, ["--no-projections"]) as service:
        owner = Asking(service.url, token)
        eventually(lambda: owner.get("/health/ready").status == 200, "shards are acquired")
        eventually(lambda: owner.get(f"/v1/users/{erin.name}").status == 404, "the key is destroyed")
        assert traces(data / "views", pieces)
        assert listed_at(owner, f"/v1/gyms/{GYM}/sessions") == set()
        assert {reply.status for reply in ask_about(owner, erin, token).values()} <= {404, 410}
        assert erin.open not in owner.first_event(f"/v1/gyms/{GYM}/live")
        assert service.terminate(timeout_s=60) == 0, service.log
    assert raw_key not in every_key(data)
    assert person.pseudonym in (data / "keys" / "erasures.log").read_text()
    kept = [thing.entity for thing in sealed_things(data / "log") if thing.kind == "snapshot"]
    assert not [entity for entity in kept if entity.startswith(person.persistence_id)]
    assert kinelog("project", "--data", str(data), "--once").returncode == 0
    assert traces(data, [erin.name.encode(), erin.feedback.encode(), raw_key, *pieces]) == []


def commit_erasure_only(data: Path, name: str) -> tuple[Person, bytes]:
    """What a kill between the commit of UserErased and the destruction of the key leaves behind."""
    with closing(KeyStore.open(data / "keys")) as keys, closing(SqliteJournal(data / "log" / "journal.db")) as journal:
        pseudonym = keys.pseudonym(TENANT, name)
        assert pseudonym is not None
        person = Person(TENANT, pseudonym)
        shard = shard_of(person, journal.shards)
        sequence = max(item.event.sequence for item in journal.replay(person.persistence_id)) + 1
        erased = EventCodec(keys).seal(person.persistence_id, sequence, UserErased(at_ms=1))
        owner = journal.acquire(shard, "crashed")
        journal.commit(shard, owner.epoch, owner.head, secrets.token_bytes(16), [erased])
        return person, keys.sealer(*person)._key
