"""Simulated people: the same from the same seed, and nothing that the service loses goes unseen."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest
from kinelog.codecs.values import Format
from kinelog.phone.exercises import EXERCISES, Exercise
from kinelog.phone.faulty_link import Faults, FaultyLink
from kinelog.phone.movement import CLIP_MG, as_measured, repetitions, rest, setup
from kinelog.phone.person import draw_style, rotation
from kinelog.phone.phone_session import SessionScript, SetDone
from kinelog.phone.simulation import Simulation, SimulationPlan
from kinelog.phone.tally import SimulationReport
from kinelog.phone.watch import SAMPLES_IN_A_FRAME, Watch, WatchFrame

from tests.phone.fake_service import OWNER, FakeService, serving

START_MS = 1_700_000_000_000
ALL_FAULTS = Faults(retransmit=0.3, gap=0.1, reorder=0.2, corrupt=0.2)


def plan(service: FakeService, **changes: object) -> SimulationPlan:
    base = SimulationPlan(
        url=service.url, token=OWNER, users=3, minutes=1.0, live=False, speed=1.0, seed=5, gym="north",
        faults=Faults(), layout=Format.AE, prefix="sim", started_ms=START_MS, forever=False, give_up_s=60.0,
        connections=8, ledger=None,
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def simulate(service: FakeService, **changes: object) -> SimulationReport:
    async def scenario() -> SimulationReport:
        async with serving(service):
            return await Simulation(plan(service, **changes)).run()

    return asyncio.run(scenario())


def frames_of(script: SessionScript) -> list[WatchFrame]:
    return [step for step in script.steps() if isinstance(step, WatchFrame)]


def test_people_who_are_to_consent_say_who_they_are_and_keep_what_they_consented_to_before() -> None:
    service = FakeService()
    service.consents["sim-5-00001"] = ["trainer-access"]
    assert simulate(service, consents=("training-models",)).verdict == "sound"
    assert service.profiles.keys() == service.users
    assert {tuple(said) for said in service.consents.values()} == {
        ("training-models",), ("trainer-access", "training-models"),
    }  # fmt: skip
    again = FakeService()
    simulate(again, consents=("training-models",))
    assert again.profiles == service.profiles
    silent = FakeService()
    simulate(silent)
    assert not silent.profiles
    assert not silent.consents


# ── the whole ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sound_service_is_found_sound_and_every_frame_is_there() -> None:
    service = FakeService()
    report = simulate(service)
    kept = sum(len(frames) for frames in service.frames.values())
    assert report.verdict == "sound"
    assert report.frames_made == report.acknowledged == report.stored == report.service_stored == kept > 150
    assert len(service.ended) == 3
    assert report.labels == sum(len(labels) for labels in service.labels.values()) > 0


@pytest.mark.parametrize("live", [False, True])
def test_with_every_fault_the_books_still_balance(live: bool) -> None:  # noqa: FBT001 - parametrised
    service = FakeService()
    report = simulate(service, faults=ALL_FAULTS, live=live, speed=600.0, minutes=2.0)
    assert report.verdict == "sound"
    assert report.lost_on_purpose > 0
    assert report.acknowledged == report.service_stored == report.frames_made - report.lost_on_purpose
    assert report.service_gaps == report.lost_on_purpose
    assert report.duplicate >= report.sent_again > 0
    assert sum(report.refused.values()) == report.sent_damaged > 0
    assert set(report.refused) >= {"truncated-samples", "frame-conflict"} or "nothing-usable" in report.refused


def test_an_acknowledged_frame_that_the_service_forgets_is_noticed() -> None:
    report = simulate(FakeService(forget={3, 7}))
    assert report.verdict == "lost"
    assert report.missing_acknowledged == 6


def test_the_same_plan_again_stores_nothing_new() -> None:
    service = FakeService()
    first, second = simulate(service), simulate(service)
    assert second.stored == 0
    assert second.duplicate == first.stored
    assert second.verdict == "sound"


def test_the_ledger_names_every_acknowledged_frame_once(tmp_path: Path) -> None:
    service, path = FakeService(), tmp_path / "acknowledged.tsv"
    simulate(service, ledger=path, faults=ALL_FAULTS)
    named = Counter(tuple(line.split("\t")) for line in path.read_text().splitlines())
    kept = {
        (session, device, str(sequence)) for session, frames in service.frames.items() for device, sequence in frames
    }
    assert set(named) == kept
    assert set(named.values()) == {1}


def test_muvr16_frames_are_sent_as_such() -> None:
    service = FakeService()
    report = simulate(service, layout=Format.MUVR16, users=1, minutes=0.2, live=True, speed=50.0)
    assert report.verdict == "sound"
    assert set(service.queries) == {"format=muvr16"}
    assert {data[5] for frames in service.frames.values() for data in frames.values()} == set(range(report.stored))


def test_gfs_frames_which_carry_no_clock_are_sent_with_their_start() -> None:
    service = FakeService()
    report = simulate(service, layout=Format.GFS, users=1, minutes=0.2, live=True, speed=50.0)
    assert report.verdict == "sound"
    assert service.queries[0] == f"start={START_MS}&format=gfs"


def test_a_service_that_is_gone_for_a_moment_costs_nothing() -> None:
    service = FakeService(refuse_next=[(503, "unavailable", None)] * 4)
    report = simulate(service, users=1, give_up_s=20.0)
    assert report.verdict == "sound"
    assert report.answered_later == 4


def test_a_simulation_that_is_stopped_says_how_many_sessions_it_did_not_compare() -> None:
    async def scenario() -> SimulationReport:
        async with serving(FakeService()) as service:
            simulation = Simulation(plan(service, live=True, forever=True))
            running = asyncio.ensure_future(simulation.run())
            # Three frames may be of two people while the third still pairs a watch: each is to have begun a session.
            while len(service.frames) < 3:  # noqa: ASYNC110 - there is no event for it, and no time either
                await asyncio.sleep(0.01)
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            return simulation.report()

    report = asyncio.run(scenario())
    assert report.open_sessions == report.sessions == 3
    assert report.compared_sessions == 0


# ── the script ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_script_read_twice_gives_the_same_steps() -> None:
    script = SessionScript(9, 4, 2, START_MS, 3.0)
    assert list(script.steps()) == list(script.steps())


def test_frames_are_numbered_without_holes_and_take_longer_than_their_nominal_second() -> None:
    script = SessionScript(9, 4, 0, START_MS, 10.0)
    frames = frames_of(script)
    assert [frame.sequence for frame in frames] == list(range(len(frames)))
    seconds = (frames[-1].start_ms - frames[0].start_ms) / 1000
    assert seconds / (len(frames) - 1) == pytest.approx(50 / script.style.true_rate_hz, rel=1e-3)
    assert {len(frame.data) for frame in frames[:-1]} == {270}


def test_sets_lie_within_the_session_and_do_not_overlap() -> None:
    script = SessionScript(2, 1, 0, START_MS, 20.0)
    sets = [step.label for step in script.steps() if isinstance(step, SetDone)]
    assert len(sets) > 5
    assert sets[0].start_ms > START_MS
    assert all(before.end_ms < after.start_ms for before, after in itertools.pairwise(sets))
    assert sets[-1].end_ms <= frames_of(script)[-1].due_ms


def test_people_correct_some_sets_but_not_all() -> None:
    done = [
        step for person in range(12) for step in SessionScript(2, person, 0, START_MS, 15.0).steps()
        if isinstance(step, SetDone)
    ]  # fmt: skip
    corrected = sum(step.correction is not None for step in done)
    assert 0 < corrected < len(done)


# ── the movement ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_resting_wrist_feels_gravity() -> None:
    rng = np.random.default_rng(1)
    style = draw_style(rng)
    length = np.linalg.norm(as_measured(rng, style, rest(rng, style, 60.0)), axis=1)
    assert np.median(length) == pytest.approx(1000.0, abs=30.0)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_a_tired_person_slows_down(exercise: Exercise) -> None:
    rng = np.random.default_rng(3)
    style = draw_style(rng)
    fresh = len(repetitions(rng, dataclasses.replace(style, fatigue=0.0), exercise, 20))
    tired = len(repetitions(rng, dataclasses.replace(style, fatigue=0.9), exercise, 20))
    assert tired > 1.1 * fresh


def test_set_ups_of_exercises_differ_more_than_set_ups_of_one() -> None:
    rng = np.random.default_rng(4)
    style = draw_style(rng)
    several = {e.name: [setup(rng, style, e) for _ in range(6)] for e in EXERCISES}
    within = np.mean([np.linalg.norm(a[0] - b) for a in several.values() for b in a[1:]])
    between = np.mean([
        np.linalg.norm(a[0] - b[0]) for n, a in several.items() for m, b in several.items() if n != m
    ])  # fmt: skip
    assert between > 2 * within


def test_measurements_are_clipped_where_the_encoder_clips() -> None:
    rng = np.random.default_rng(5)
    style = draw_style(rng)
    wild = np.full((100, 3), 50_000.0) * np.where(np.arange(100)[:, None] % 2, 1, -1)
    measured = as_measured(rng, style, wild)
    assert (measured.min(), measured.max()) == (-CLIP_MG, CLIP_MG)


def test_a_rotation_keeps_lengths_and_handedness() -> None:
    turn = rotation(np.array([1.0, 2.0, -0.5]), 0.7)
    assert np.allclose(turn @ turn.T, np.eye(3))
    assert np.linalg.det(turn) == pytest.approx(1.0)


# ── watch and radio ──────────────────────────────────────────────────────────────────────────────────────────────


def test_samples_that_do_not_fill_a_frame_wait_for_the_next() -> None:
    style = draw_style(np.random.default_rng(0))
    watch = Watch(style, Format.AE, START_MS)
    half = np.zeros((30, 3), np.int16)
    assert watch.take(half) == []
    assert len(watch.take(half)) == 1
    assert [len(frame.data) for frame in watch.flush()] == [20 + 5 * (60 - SAMPLES_IN_A_FRAME)]
    assert watch.flush() == []


def test_the_radio_loses_only_what_it_says_and_delivers_the_rest() -> None:
    frames = frames_of(SessionScript(9, 4, 0, START_MS, 5.0))
    link = FaultyLink(ALL_FAULTS, np.random.default_rng(8))
    arrived = [sending for frame in frames for sending in link.pass_on(frame)] + link.rest()
    clean = {sending.sequence for sending in arrived if sending.clean}
    assert clean | set(link.lost) == set(range(len(frames)))
    assert not clean & set(link.lost)
    order = [sending.sequence for sending in arrived if sending.clean]
    assert order != sorted(order)
    by_number = {frame.sequence: frame.data for frame in frames}
    assert all((sending.data == by_number[sending.sequence]) is sending.clean for sending in arrived)


def test_a_radio_without_faults_changes_nothing() -> None:
    frames = frames_of(SessionScript(9, 4, 0, START_MS, 1.0))
    link = FaultyLink(Faults(), np.random.default_rng(8))
    assert [s.data for frame in frames for s in link.pass_on(frame)] == [frame.data for frame in frames]
