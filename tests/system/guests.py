"""People who leave everything in a gym that can be left: sessions, frames good and bad, sets, ratings, a profile."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

import numpy as np
from kinelog.codecs.encoding import encode, make_block
from kinelog.codecs.values import Format, SensorKind
from numpy.typing import NDArray

from tests.system.asking import Asking

GYM = "main-street"
EXERCISE = "resistanceTargeted:arms/rope-biceps-curl@cable-1"
FRAMES = 6


@dataclass
class Guest:
    """One person and what they sent."""

    name: str
    seed: int
    token: str = ""
    refresh: str = ""
    started_ms: int = 0
    feedback: str = ""
    ended: str = field(default_factory=lambda: str(uuid.uuid4()))
    open: str = field(default_factory=lambda: str(uuid.uuid4()))
    frames: list[bytes] = field(default_factory=list)
    samples: list[NDArray[np.int16]] = field(default_factory=list)

    @property
    def watch(self) -> str:
        """Their device's name, which people choose."""
        return f"{self.name}s-watch"

    def frame(self, start_ms: int) -> bytes:
        """A second of movement that nobody else made, kept."""
        numbers = np.random.default_rng([self.seed, len(self.frames)])
        self.samples.append(numbers.integers(-4000, 4000, (50, 3)).astype(np.int16))
        block = make_block(
            SensorKind.ACCELEROMETER, self.samples[-1], 50, "left-wrist", start_ms=start_ms // 1000 * 1000
        )
        self.frames.append(encode(Format.AE, [block]))
        return self.frames[-1]


def open_gym(owner: Asking) -> None:
    """A gym with a station."""
    station = {"name": "cable-1", "exercises": ["resistanceTargeted:arms/rope-biceps-curl"]}
    owner.put(f"/v1/gyms/{GYM}", {"name": "Main Street", "time_zone": "Europe/London", "stations": [station]})


def enrol(owner: Asking, name: str, seed: int) -> Guest:
    """Register somebody and pair their watch."""
    guest = Guest(name, seed, started_ms=int(time.time() * 1000) - 600_000)
    owner.put(f"/v1/users/{name}", {"profile": {"age_group": "30s", "height_cm": 171.25}})
    code = owner.post(f"/v1/users/{name}/pairing-codes", {})["code"]
    pairing = {"code": code, "device": guest.watch, "kind": "pebble"}
    paired = Asking(owner.url, owner.token).post("/v1/devices:pair", pairing)
    guest.token, guest.refresh = paired["token"], paired["refresh_token"]
    return guest


def train(owner: Asking, guest: Guest) -> str:
    """A session that is over and one that goes on; the last write's position."""
    watch = Asking(owner.url, guest.token)
    for session, begun_ms in ((guest.ended, guest.started_ms), (guest.open, guest.started_ms + 300_000)):
        watch.put(f"/v1/sessions/{session}", {"started_at_ms": begun_ms, "gym": GYM, "plan": f"plan of {guest.name}"})
        for sequence in range(FRAMES):
            frame = guest.frame(begun_ms + sequence * 1000)
            watch.put(f"/v1/sessions/{session}/frames/{guest.watch}/{sequence}", frame, 201)
        conflict = guest.frame(begun_ms + 60_000)
        watch.put(f"/v1/sessions/{session}/frames/{guest.watch}/0", conflict, 409)
        damaged = guest.frame(begun_ms + 61_000)[:-7]
        assert watch.call("PUT", f"/v1/sessions/{session}/frames/{guest.watch}/99", damaged).status in (400, 422)
        label = {"start_ms": begun_ms, "end_ms": begun_ms + 5000, "exercise": EXERCISE, "repetitions": 7}
        watch.post(f"/v1/sessions/{session}/labels", label)
        if session == guest.ended:
            watch.post(f"/v1/sessions/{session}:end", {"final": True, "ended_at_ms": begun_ms + 10_000})
    guest.feedback = f"words that only {guest.name} wrote"
    watch.put(f"/v1/sessions/{guest.ended}/feedback", {"rating": 4, "text": guest.feedback})
    position = watch.put(f"/v1/users/{guest.name}/consents", {"purposes": ["training-models"]})["position"]
    assert isinstance(position, str)
    return position
