"""A gym floor on which everything happens that the views know of, by a seed: for comparing stores."""

from __future__ import annotations

import random

from kinelog.domain.errors import Rejection
from kinelog.domain.identifiers import Person
from kinelog.domain.limits import DEFAULT_LIMITS
from kinelog.domain.values import AgeGroup, Proficiency, Profile, Purpose, Sex, Source

from tests.projections.gym_floor import CURL, SQUAT, GymFloor
from tests.projections.watch_frames import ae, apple_watch, gfs_blocks, muvr16_block

GYMS = {"docklands": "Europe/London", "harbour": "Asia/Tokyo", "cellar": "Not/AZone"}
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class BusyFloor:
    """Plays on a floor, a step at a time."""

    def __init__(self, floor: GymFloor, seed: int) -> None:
        self.floor = floor
        self.random = random.Random(seed)
        self.people: list[Person] = []
        self.sessions: list[tuple[Person, str]] = []
        self._frames: dict[str, int] = {}
        self._sets: dict[str, dict[int, int]] = {}
        for gym, zone in GYMS.items():
            floor.open_gym(gym, zone)

    def play(self, steps: int) -> None:
        """Let this many things happen."""
        for number in range(5):
            self.people.append(self.floor.register(f"person-{number}-{len(self.people)}"))
        deeds = (
            (self._start, 6), (self._send, 10), (self._label, 5), (self._correct, 3), (self._end, 2),
            (self._abandon, 1), (self._nonsense, 1), (self._delete, 0.3), (self._erase, 0.1), (self._pass_time, 4),
            (self._tell, 1), (self._consent, 2),
        )  # fmt: skip
        names, weights = zip(*deeds, strict=True)
        for deed in self.random.choices(names, weights, k=steps):
            deed()

    def _start(self) -> None:
        now = self.floor.now_ms
        late = self.random.choice((0, 0, 0, 1, 40 * DAY_MS, 700 * DAY_MS, now - 5_000))  # the last: a clock at 1970
        gym = self.random.choice((*GYMS, None))
        person = self.random.choice(self.people)
        number = len(self.sessions)
        session = self.floor.start(person, number, now - late, gym)
        self.sessions.append((person, session))

    def _send(self) -> None:
        if not self.sessions:
            return
        person, session = self._a_session()
        sequence = self._frames.get(session, -1) + self.random.choice((1, 1, 1, 3))
        self._frames[session] = sequence
        at = self.floor.now_ms + self.random.choice((sequence * 1000, 0, 30 * 60_000))
        seed = self.random.randrange(1000)
        frame = self.random.choice((
            ae(at, seed=seed), apple_watch(at, 120, seed), muvr16_block(at, sequence=sequence, seed=seed),
            gfs_blocks((124,), seed),
        ))  # fmt: skip
        self.floor.send(person, session, sequence, frame, at, device=self.random.choice(("watch", "strap")))

    def _nonsense(self) -> None:
        if self.sessions:
            person, session = self._a_session()
            self.floor.send(person, session, 5_000 + self.random.randrange(50), b"ae nonsense")

    def _label(self) -> None:
        if not self.sessions:
            return
        person, session = self._a_session()
        start = self.floor.now_ms + self.random.randrange(0, 120_000)
        exercise = self.random.choice((CURL, SQUAT, "resistanceTargeted:legs/lunge"))
        source = self.random.choice((Source.DEVICE, Source.PERSON))
        reply = self.floor.label(person, session, start, start + self.random.randrange(1, 60_000), exercise, source)
        if not isinstance(reply, Rejection):
            sets = self._sets.setdefault(session, {})
            sets[len(sets) + 1] = 1

    def _correct(self) -> None:
        labelled = [(person, session) for person, session in self.sessions if self._sets.get(session)]
        if not labelled:
            return
        person, session = self.random.choice(labelled)
        number, version = self.random.choice(list(self._sets[session].items()))
        reply = self.floor.correct(
            person, session, number, version, self.random.choice((CURL, SQUAT)), deleted=self.random.random() < 0.3
        )
        if not isinstance(reply, Rejection):
            self._sets[session][number] += 1

    def _end(self) -> None:
        if self.sessions:
            self.floor.end(*self._a_session(), {"watch": self.random.randrange(6)})

    def _abandon(self) -> None:
        if self.sessions:
            self.floor.abandon(*self._a_session())

    def _delete(self) -> None:
        if self.sessions:
            self.floor.delete(*self._a_session())

    def _erase(self) -> None:
        if len(self.people) > 2:
            person = self.people.pop(self.random.randrange(len(self.people)))
            self.sessions = [entry for entry in self.sessions if entry[0] != person]
            self.floor.erase(person)

    def _tell(self) -> None:
        ages, sexes, levels = (None, *AgeGroup), (None, *Sex), (None, *Proficiency)
        told = Profile(self.random.choice(ages), self.random.choice(sexes), self.random.choice(levels))
        self.floor.tell(self.random.choice(self.people), told)

    def _consent(self) -> None:
        person, purpose = self.random.choice(self.people), self.random.choice(list(Purpose))
        self.floor.consent(person, purpose, given=self.random.random() < 0.7)

    def _pass_time(self) -> None:
        passed = self.random.choice((1000, 60_000, HOUR_MS, 5 * HOUR_MS, DAY_MS, 12 * DAY_MS))
        self.floor.now_ms += passed
        if passed >= DEFAULT_LIMITS.silence_ms:  # the service does not leave silent sessions open either
            for person, session in self.sessions:
                self.floor.abandon(person, session)

    def _a_session(self) -> tuple[Person, str]:
        recent = self.sessions[-8:]
        return self.random.choice(recent)
