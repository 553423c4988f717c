"""A whole deployment in memory for tests of the views: decider, log, keys; the views in a file."""

from __future__ import annotations

import secrets
from pathlib import Path

from kinelog.domain import commands as ask
from kinelog.domain.decider import State, decide, evolve, initial, needs
from kinelog.domain.errors import Rejection
from kinelog.domain.events import Event
from kinelog.domain.identifiers import Person, shard_of
from kinelog.domain.limits import DEFAULT_LIMITS
from kinelog.domain.values import Gym, Profile, Purpose, SetLabel, Source
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.privacy.key_store import KeyStore
from kinelog.projections.read_side import ReadSide
from kinelog.projections.sqlite_read_side import SqliteReadSide
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.view_store import ViewStore
from kinelog.projections.worker import ProjectionWorker

TENANT = "iron-works"
GYM = "docklands"
MASTER_KEY = bytes(range(32))
NOON_MS = 1_700_000_400_000  # 2023-11-14 22:20:00 UTC; a whole second
CURL = "resistanceTargeted:arms/biceps-curl@cable-2"
SQUAT = "resistanceTargeted:legs/squat@rack-1"


class GymFloor:
    """Asks commands of the real decider and commits what they decide."""

    def __init__(self, folder: Path, shards: int = 4) -> None:
        self.folder = folder
        self.views_path = folder / "views" / "views.db"
        self.journal = MemoryJournal(shards)
        self.keys = KeyStore.open(folder / "keys", MASTER_KEY)
        self.codec = EventCodec(self.keys)
        self.store = SqliteViews(self.views_path)
        self.worker = self.new_worker(self.store)
        self.read_side: ReadSide = SqliteReadSide(self.views_path)
        self.now_ms = NOON_MS
        self._states: dict[str, State] = {}
        self._sequences: dict[str, int] = {}
        self._epochs = {shard: self.journal.acquire(shard, "floor").epoch for shard in range(shards)}
        self.keys.enrol_tenant(TENANT)
        self.tenant = Person(TENANT, "@")
        self.ask(self.tenant, ask.CreateTenant(at_ms=self.now_ms, name="Iron Works"))

    def new_worker(self, store: ViewStore) -> ProjectionWorker:
        return ProjectionWorker(self.journal, self.codec, store, clock=lambda: self.now_ms, evict=self.keys.evict)

    def close(self) -> None:
        self.read_side.close()
        self.store.close()
        self.keys.close()

    def project(self) -> None:
        """Fold everything that is in the log."""
        self.worker.catch_up()

    def ask(self, person: Person, command: ask.Command) -> object:
        """Decide a command and commit its events; a refusal comes back."""
        states: dict[str, State] = {}
        while missing := [name for name in needs(person, command, states) if name not in states]:
            states.update({name: self._states.get(name, initial(name)) for name in missing})
        decision = decide(person, command, states, DEFAULT_LIMITS)
        if isinstance(decision, Rejection):
            return decision
        if decision.events:
            self.commit(person, list(decision.events))
        return decision.reply

    def commit(self, person: Person, events: list[tuple[str, Event]]) -> int:
        """Put events into the log; the position of the last one."""
        shard = shard_of(person, self.journal.shards)
        stored = []
        for name, event in events:
            self._sequences[name] = self._sequences.get(name, 0) + 1
            self._states[name] = evolve(self._states.get(name, initial(name)), event)
            stored.append(self.codec.seal(name, self._sequences[name], event))
        head = self.journal.head(shard)
        return self.journal.commit(shard, self._epochs[shard], head, secrets.token_bytes(16), stored)

    # ── what people do ───────────────────────────────────────────────────────────────────────────────────────────

    def open_gym(self, gym: str = GYM, zone: str = "Europe/London") -> None:
        self.ask(self.tenant, ask.SetGym(at_ms=self.now_ms, gym=gym, definition=Gym(gym, zone)))

    def register(self, name: str) -> Person:
        person = Person(TENANT, self.keys.enrol(TENANT, name))
        self.ask(person, ask.RegisterUser(at_ms=self.now_ms))
        return person

    def try_start(self, person: Person, session: str, gym: str | None) -> object:
        """Start a session, or be refused."""
        return self.ask(
            person,
            ask.StartSession(at_ms=self.now_ms, session=session, started_at_ms=self.now_ms // 5000 * 5000, gym=gym),
        )

    def start(self, person: Person, number: int, started_at_ms: int | None = None, gym: str | None = GYM) -> str:
        session = session_id(number)
        at = self.now_ms if started_at_ms is None else started_at_ms
        reply = self.ask(
            person,
            ask.StartSession(
                at_ms=max(self.now_ms, at), session=session, started_at_ms=at, gym=gym, groups=("arms",), intensity=0.5
            ),
        )
        assert not isinstance(reply, Rejection), reply
        return session

    def send(
        self,
        person: Person,
        session: str,
        sequence: int,
        data: bytes,
        start_ms: int | None = None,
        device: str = "watch",
    ) -> object:
        frame = ask.IncomingFrame(device, sequence, data, None, start_ms)
        return self.ask(person, ask.RecordFrames(at_ms=self.now_ms, session=session, frames=(frame,)))

    def label(
        self,
        person: Person,
        session: str,
        start_ms: int,
        end_ms: int,
        exercise: str = CURL,
        source: Source = Source.DEVICE,
    ) -> object:
        label = SetLabel(exercise, repetitions=10, weight_kg=12.5, intensity=0.7)
        return self.ask(
            person,
            ask.LabelSet(
                at_ms=self.now_ms, session=session, start_ms=start_ms, end_ms=end_ms, label=label, source=source,
                confidence=0.8,
            ),
        )  # fmt: skip

    def correct(
        self, person: Person, session: str, number: int, version: int, exercise: str = SQUAT, *, deleted: bool = False
    ) -> object:
        label = SetLabel(exercise, repetitions=8, weight_kg=60.0, intensity=0.9)
        return self.ask(
            person,
            ask.CorrectSet(
                at_ms=self.now_ms, session=session, number=number, version=version, label=label,
                source=Source.PERSON, deleted=deleted,
            ),
        )  # fmt: skip

    def tell(self, person: Person, profile: Profile) -> object:
        return self.ask(person, ask.SetProfile(at_ms=self.now_ms, profile=profile))

    def consent(self, person: Person, purpose: Purpose, *, given: bool = True) -> object:
        command = ask.GiveConsent if given else ask.WithdrawConsent
        return self.ask(person, command(at_ms=self.now_ms, purpose=purpose))

    def end(self, person: Person, session: str, frames: dict[str, int] | None = None, *, final: bool = True) -> object:
        return self.ask(person, ask.EndSession(at_ms=self.now_ms, session=session, frames=frames, final=final))

    def abandon(self, person: Person, session: str) -> object:
        return self.ask(person, ask.AbandonSession(at_ms=self.now_ms, session=session))

    def delete(self, person: Person, session: str) -> object:
        return self.ask(person, ask.DeleteSession(at_ms=self.now_ms, session=session))

    def erase(self, person: Person) -> None:
        self.ask(person, ask.EraseUser(at_ms=self.now_ms))
        self.keys.forget(*person)


def session_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def dump(store: SqliteViews, state: str = "live") -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table in a state, and how far each view is folded; names without generations."""
    rows: dict[str, list[tuple[object, ...]]] = {}
    for generation in store.generations(state):
        (names,) = store.connection.execute(
            "SELECT tables FROM view_versions WHERE view = ? AND generation = ?",
            (generation.view, generation.generation),
        ).fetchone()
        for name in names.split(","):
            found = store.connection.execute(f"SELECT * FROM {name}__{generation.generation}")  # noqa: S608  # our names
            rows[name] = sorted(found.fetchall(), key=repr)
        offsets = store.offsets(generation)
        rows[f"offsets of {generation.view}"] = [(shard, offset.position) for shard, offset in sorted(offsets.items())]
    return rows
