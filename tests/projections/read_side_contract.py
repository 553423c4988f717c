"""What every read side answers: each view by example. Subclass it with a fixture `floor` over the store in question."""

from __future__ import annotations

from kinelog.domain.values import AgeGroup, Proficiency, Profile, Purpose, Sex
from kinelog.projections.rows import GapRow, SessionRow

from tests.projections.gym_floor import CURL, GYM, NOON_MS, SQUAT, TENANT, GymFloor, session_id
from tests.projections.watch_frames import ae, gfs_blocks

DAY_MS = 86_400_000


class ReadSideContract:
    """Questions and their answers."""

    def test_a_session_row_counts_frames_gaps_rejects_and_sets(self, floor: GymFloor) -> None:
        anna = floor.register("anna")
        session = floor.start(anna, 1)
        for sequence in (0, 1, 2, 5, 6):
            floor.send(anna, session, sequence, ae(NOON_MS + sequence * 1000, seed=sequence))
        floor.send(anna, session, 7, b"ae nonsense")
        floor.send(anna, session, 2, ae(NOON_MS + 2000, seed=99))  # another frame under a key that is taken
        floor.label(anna, session, NOON_MS, NOON_MS + 3000)
        floor.project()

        (row,) = floor.read_side.session(TENANT, session)
        assert (row.status, row.gym, row.frames) == ("open", GYM, {"watch": 5})
        assert row.gaps == (GapRow("watch", 3, 4),)
        assert (row.rejected, row.sets, row.groups, row.intensity) == (2, 1, ("arms",), 0.7)
        assert row.last_frame_ms == floor.now_ms
        assert row.version == floor.read_side.as_of()[row.shard]

    def test_the_end_tells_of_frames_that_never_came_behind_the_last_one(self, floor: GymFloor) -> None:
        anna = floor.register("anna")
        session = floor.start(anna, 1)
        floor.send(anna, session, 0, ae(NOON_MS))
        floor.end(anna, session, {"watch": 4, "chest-strap": 2})
        floor.project()
        (row,) = floor.read_side.session(TENANT, session)
        assert row.status == "ended"
        assert row.gaps == (GapRow("chest-strap", 0, 1), GapRow("watch", 1, 3))

    def test_an_abandoned_session_is_completed_by_what_arrives_late(self, floor: GymFloor) -> None:
        anna = floor.register("anna")
        session = floor.start(anna, 1)
        floor.abandon(anna, session)
        floor.project()
        assert [row.status for row in floor.read_side.session(TENANT, session)] == ["abandoned"]
        assert floor.read_side.training_now(TENANT, GYM) == []
        for sequence in (1, 0):
            floor.send(anna, session, sequence, ae(NOON_MS + sequence * 1000))
        floor.end(anna, session, {"watch": 2}, final=False)
        floor.project()
        (row,) = floor.read_side.session(TENANT, session)
        assert (row.status, row.frames, row.gaps) == ("ended", {"watch": 2}, ())

    def test_a_superseded_session_is_over_and_only_the_later_one_trains_now(self, floor: GymFloor) -> None:
        anna = floor.register("anna")
        first = floor.start(anna, 1)
        floor.now_ms += 60_000
        second = floor.start(anna, 2)
        floor.project()
        assert [row.session for row in floor.read_side.training_now(TENANT, GYM)] == [second]
        assert [row.status for row in floor.read_side.session(TENANT, first)] == ["ended"]

    def test_of_the_newest_days_on_which_anybody_came_everybody_trains_now_who_has_not_ended(
        self, floor: GymFloor
    ) -> None:
        people = [floor.register(f"person-{number}") for number in range(6)]
        days: list[list[str]] = []
        for day in range(3):
            floor.now_ms = NOON_MS + day * 40 * DAY_MS
            days.append([floor.start(people[2 * day + number], 2 * day + number) for number in range(2)])
            floor.now_ms += 1
        floor.project()
        shown = {row.session for row in floor.read_side.training_now(TENANT, GYM)}
        assert {*days[1], *days[2]} <= shown <= {session for day in days for session in day}

        # A day stays one of the newest when all have left on it: whoever came the day before is not lost by that.
        for number in (0, 1):
            floor.end(people[4 + number], days[2][number], {})
        floor.project()
        shown = {row.session for row in floor.read_side.training_now(TENANT, GYM)}
        assert set(days[1]) <= shown <= {*days[0], *days[1]}

    def test_lists_are_newest_first_and_pages_continue_behind_a_key(self, floor: GymFloor) -> None:
        people = [floor.register(f"person-{number}") for number in range(3)]
        for number in range(12):
            floor.now_ms += 1000 if number % 2 else 0  # pairs share a start: the key must tell them apart
            floor.start(people[number % 3], number)
        floor.project()

        everything = floor.read_side.sessions_of_gym(TENANT, GYM, None, None, None, 100)
        assert len(everything.rows) == 12
        assert everything.next_key is None
        paged: list[SessionRow] = []
        after = None
        while True:
            page = floor.read_side.sessions_of_gym(TENANT, GYM, None, None, after, 5)
            paged += page.rows
            after = page.next_key
            if after is None:
                break
        assert paged == list(everything.rows)
        keys = [(row.started_at_ms, row.person, row.session) for row in paged]
        assert keys == sorted(keys, reverse=True)

        own = floor.read_side.sessions_of_person(TENANT, people[0].pseudonym, NOON_MS + 1, NOON_MS + 5000, None, 100)
        assert {row.person for row in own.rows} == {people[0].pseudonym}
        assert all(NOON_MS + 1 <= row.started_at_ms < NOON_MS + 5000 for row in own.rows)
        rest = floor.read_side.sessions_of_person(
            TENANT, people[0].pseudonym, None, None, floor.read_side.sessions_of_person(
                TENANT, people[0].pseudonym, None, None, None, 2).next_key, 100,
        )  # fmt: skip
        assert len(rest.rows) == 2

    def test_nothing_is_visible_across_tenants(self, floor: GymFloor) -> None:
        anna = floor.register("anna")
        session = floor.start(anna, 1)
        floor.send(anna, session, 0, ae(NOON_MS))
        floor.project()
        side = floor.read_side
        assert side.session("other", session) == []
        assert side.sessions_of_gym("other", GYM, None, None, None, 10).rows == ()
        assert side.sessions_of_person("other", anna.pseudonym, None, None, None, 10).rows == ()
        assert side.samples("other", anna.pseudonym, session, None, None, 10) == []
        assert side.live("other", GYM, {}, 10) == []

    def test_two_people_may_hold_one_session_id(self, floor: GymFloor) -> None:
        anna, boris = floor.register("anna"), floor.register("boris")
        session = floor.start(anna, 1)
        floor.start(boris, 1)
        floor.project()
        assert {row.person for row in floor.read_side.session(TENANT, session)} == {anna.pseudonym, boris.pseudonym}
        assert [row.person for row in floor.read_side.session(TENANT, session, boris.pseudonym)] == [boris.pseudonym]

    def test_detected_and_corrected_stay_apart(self, floor: GymFloor) -> None:
        anna = floor.register("anna")
        session = floor.start(anna, 1)
        floor.label(anna, session, NOON_MS, NOON_MS + 30_000)
        floor.label(anna, session, NOON_MS + 40_000, NOON_MS + 50_000)
        floor.correct(anna, session, 1, 1)
        floor.correct(anna, session, 2, 1, deleted=True)
        floor.project()

        first, second = floor.read_side.sets(TENANT, anna.pseudonym, session)
        assert (first.version, first.source, first.corrected_by, first.confidence) == (2, "device", "person", 0.8)
        assert first.detected == {
            "exercise": CURL, "repetitions": 10, "weight_kg": 12.5, "intensity": 0.7, "rest_s": None,
        }  # fmt: skip
        assert first.corrected is not None
        assert first.corrected["exercise"] == SQUAT
        assert (first.deleted, second.deleted) == (False, True)
        (row,) = floor.read_side.session(TENANT, session)
        assert (row.sets, row.groups, row.intensity) == (1, ("arms", "legs"), 0.9)

    def test_labels_follow_a_correction_to_the_exercise_it_names(self, floor: GymFloor) -> None:
        anna = floor.register("anna")
        session = floor.start(anna, 1)
        floor.label(anna, session, NOON_MS, NOON_MS + 30_000)
        floor.project()
        (label,) = floor.read_side.labels(TENANT, CURL)
        assert (label.confirmed, label.start_ms, label.end_ms) == (False, NOON_MS, NOON_MS + 30_000)
        floor.correct(anna, session, 1, 1)
        floor.project()
        assert floor.read_side.labels(TENANT, CURL) == []
        (label,) = floor.read_side.labels(TENANT, SQUAT)
        assert (label.confirmed, label.source, label.start_ms) == (True, "person", NOON_MS)
        floor.correct(anna, session, 1, 2, deleted=True)
        floor.project()
        assert floor.read_side.labels(TENANT) == []
        floor.correct(anna, session, 1, 3, CURL)
        floor.project()
        assert [found.exercise for found in floor.read_side.labels(TENANT)] == [CURL]

    def test_people_are_listed_with_what_they_told_and_what_they_consent_to_now(self, floor: GymFloor) -> None:
        anna, boris = floor.register("anna"), floor.register("boris")
        floor.tell(anna, Profile(AgeGroup.THIRTIES, Sex.FEMALE, Proficiency.BEGINNER, height_cm=171.0))
        for purpose in (Purpose.TRAINING_MODELS, Purpose.SHARED_MODELS):
            floor.consent(anna, purpose)
        floor.project()
        listed = {row.person: row for row in floor.read_side.people(TENANT, None, 10)}
        assert listed.keys() == {anna.pseudonym, boris.pseudonym}
        found = listed[anna.pseudonym]
        assert (found.age_group, found.sex, found.proficiency) == ("30s", "female", "beginner")
        assert found.consents == ("shared-models", "training-models")
        assert listed[boris.pseudonym].consents == ()
        assert listed[boris.pseudonym].age_group is None

        floor.consent(anna, Purpose.TRAINING_MODELS, given=False)
        floor.tell(anna, Profile(AgeGroup.FORTIES))
        floor.delete(anna, floor.start(anna, 1))  # what becomes of a session is no news of its person
        floor.project()
        (later,) = (row for row in floor.read_side.people(TENANT, None, 10) if row.person == anna.pseudonym)
        assert (later.age_group, later.sex, later.consents) == ("40s", None, ("shared-models",))
        assert later.version > found.version
        assert floor.read_side.people("other", None, 10) == []

        floor.erase(anna)
        floor.project()
        assert [row.person for row in floor.read_side.people(TENANT, None, 10)] == [boris.pseudonym]

    def test_people_come_in_the_order_of_pseudonyms_on_pages_of_every_size(self, floor: GymFloor) -> None:
        known = sorted(floor.register(f"person-{number}").pseudonym for number in range(25))
        floor.project()
        for limit in (1, 7, 24, 25, 26):
            listed: list[str] = []
            while rows := floor.read_side.people(TENANT, listed[-1] if listed else None, limit):
                assert len(rows) <= limit
                listed += [row.person for row in rows]
            assert listed == known

    def test_rejects_say_why_and_never_what(self, floor: GymFloor) -> None:
        anna = floor.register("anna")
        session = floor.start(anna, 1)
        floor.send(anna, session, 3, b"ae-secret-bytes")
        floor.project()
        (reject,) = floor.read_side.rejects(TENANT, anna.pseudonym, session, 10)
        assert (reject.device, reject.sequence, reject.day, reject.size) == ("watch", 3, "2023-11-14", 15)
        assert reject.error
        assert "secret" not in reject.detail

    def test_occupancy_counts_sessions_by_the_gyms_local_hour(self, floor: GymFloor) -> None:
        # 22:20 UTC is 23:20 in Berlin; one hour of training reaches into the next day
        anna, boris = floor.register("anna"), floor.register("boris")
        session = floor.start(anna, 1)
        other = floor.start(boris, 2)
        floor.send(boris, other, 0, ae(NOON_MS + 60_000))
        floor.now_ms += 3_600_000
        floor.end(anna, session)
        floor.open_gym(zone="Europe/Berlin")  # set later, and in another shard: hours are made on reading
        floor.project()
        hours = floor.read_side.occupancy(TENANT, GYM, "2023-11-14T00", "2023-11-15T23")
        assert [(row.hour, row.sessions) for row in hours] == [("2023-11-14T23", 2), ("2023-11-15T00", 1)]
        assert [row.hour for row in floor.read_side.occupancy(TENANT, GYM, "2023-11-15T00", "2023-11-15T00")] == [
            "2023-11-15T00"
        ]

    def test_a_clock_gone_wrong_keeps_nobody_at_the_gym_for_ever(self, floor: GymFloor) -> None:
        anna = floor.register("anna")
        session = floor.start(anna, 1)
        floor.send(anna, session, 0, ae(NOON_MS + 400 * DAY_MS))
        floor.project()
        hours = floor.read_side.occupancy(TENANT, GYM, "2023-11-01T00", "2025-12-31T23")
        assert len(hours) == 25

    def test_station_use_is_summed_over_shards_by_local_day(self, floor: GymFloor) -> None:
        floor.open_gym(zone="Asia/Tokyo")  # 22:20 UTC is 07:20 of the next day there
        people = [floor.register(f"person-{number}") for number in range(6)]
        for number, person in enumerate(people):
            floor.label(person, floor.start(person, number), NOON_MS, NOON_MS + 30_000)
        floor.correct(people[0], session_id(0), 1, 1, SQUAT)
        floor.project()
        use = floor.read_side.station_use(TENANT, GYM, "2023-11-15", "2023-11-15")
        assert [(row.station, row.sets, row.seconds) for row in use] == [("cable-2", 5, 150.0), ("rack-1", 1, 30.0)]
        assert floor.read_side.station_use(TENANT, GYM, "2023-11-14", "2023-11-14") == []

    def test_a_deleted_session_leaves_no_row_but_the_news_of_it(self, floor: GymFloor) -> None:
        anna = floor.register("anna")
        session = floor.start(anna, 1)
        floor.send(anna, session, 0, ae(NOON_MS))
        floor.send(anna, session, 1, b"ae nonsense")
        floor.label(anna, session, NOON_MS, NOON_MS + 30_000)
        floor.project()
        floor.delete(anna, session)
        floor.project()
        side = floor.read_side
        assert side.session(TENANT, session) == []
        assert side.sessions_of_person(TENANT, anna.pseudonym, None, None, None, 9).rows == ()
        assert side.sessions_of_gym(TENANT, GYM, None, None, None, 9).rows == ()
        assert side.sets(TENANT, anna.pseudonym, session) == []
        assert side.samples(TENANT, anna.pseudonym, session, None, None, 9) == []
        assert side.rejects(TENANT, anna.pseudonym, session, 9) == []
        assert side.occupancy(TENANT, GYM, "2023-01-01T00", "2024-01-01T00") == []
        assert side.station_use(TENANT, GYM, "2023-01-01", "2024-01-01") == []
        assert [row.event for row in side.live(TENANT, GYM, {}, 9)] == ["deleted"]

    def test_the_live_stream_resumes_behind_a_position_without_a_hole(self, floor: GymFloor) -> None:
        people = [floor.register(f"person-{number}") for number in range(5)]
        sessions = [floor.start(person, number) for number, person in enumerate(people)]
        for tick in range(4):
            floor.now_ms += 1000
            for person, session in zip(people, sessions, strict=True):
                floor.send(person, session, tick, ae(NOON_MS + tick * 1000))
                floor.send(
                    person, session, tick + 100, ae(NOON_MS + tick * 1000, seed=1)
                )  # the same second: thinned out
        floor.project()
        everything = floor.read_side.live(TENANT, GYM, {}, 1000)
        assert [row.event for row in everything].count("frame") == 20
        seen, after = [], dict[int, int]()
        while rows := floor.read_side.live(TENANT, GYM, after, 3):
            seen += rows
            for row in rows:
                assert row.position > after.get(row.shard, 0)
                after[row.shard] = row.position
        assert {(row.shard, row.position) for row in seen} == {(row.shard, row.position) for row in everything}

    def test_frames_without_a_clock_use_the_start_that_the_phone_gave(self, floor: GymFloor) -> None:
        anna = floor.register("anna")
        session = floor.start(anna, 1)
        floor.send(anna, session, 0, gfs_blocks((124,)), start_ms=NOON_MS + 7)
        floor.project()
        rows = floor.read_side.samples(TENANT, anna.pseudonym, session, None, None, 10)
        assert [len(row.samples) for row in rows] == [50, 50, 24]
        assert [row.start_ms for row in rows] == [NOON_MS + 7, NOON_MS + 1007, NOON_MS + 2007]
