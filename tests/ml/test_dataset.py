"""A tenant's data set holds the sets of those who consent, and of nobody else; what is left out is counted."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import numpy as np
from kinelog.api.unerased_views import UnerasedViews
from kinelog.domain.commands import EraseUser
from kinelog.domain.values import Purpose, Source
from kinelog.ml.dataset import Selection, Shared, dataset_of_tenant
from kinelog.ml.examples import SetExample
from kinelog.projections.views import people

from tests.ml.fit_floor import Watch, enrolled, trained
from tests.projections.gym_floor import TENANT, GymFloor
from tests.projections.watch_frames import muvr16_block

CONSENTS = (Purpose.TRAINING_MODELS,)


def labelled(examples: tuple[SetExample, ...]) -> list[SetExample]:
    return [example for example in examples if example.label is not None]


def test_a_set_comes_out_with_its_person_session_label_site_and_what_preceded_it(floor: GymFloor) -> None:
    ada = enrolled(floor, "ada", *CONSENTS)
    done = trained(floor, ada, 1, Watch(location="left-wrist"))
    floor.project()
    made = dataset_of_tenant(floor.read_side, TENANT)
    first, second = labelled(made.examples)
    assert (first.person, first.session, first.number) == (ada.pseudonym, done.session, 1)
    assert (first.label, first.fine) == (done.sets[0].exercise.partition("@")[0], done.sets[0].exercise)
    assert second.label != first.label
    assert first.sites == ("left-wrist",)
    assert first.start_row == 200
    assert first.end_row - first.start_row == min(round((done.sets[0].end_ms - done.sets[0].start_ms) / 20), 500)
    assert (first.age_group, first.sex, first.proficiency) == ("30s", "female", "beginner")
    assert first.source_rate_hz == 50.0
    assert made.dropped == {}


def test_pauses_between_sets_are_examples_of_nothing_far_from_any_set(floor: GymFloor) -> None:
    ada = enrolled(floor, "ada", *CONSENTS)
    done = trained(floor, ada, 1, sets=3)
    floor.project()
    nothing = [found for found in dataset_of_tenant(floor.read_side, TENANT).examples if found.label is None]
    assert len(nothing) == 2
    assert {len(example.samples) for example in nothing} == {500}
    assert len(done.sets) == 3
    assert not [found for found in dataset_of_tenant(
        floor.read_side, TENANT, Selection(negatives=0)).examples if found.label is None]  # fmt: skip


def test_only_who_consents_is_read_and_shared_models_need_a_consent_of_their_own(floor: GymFloor) -> None:
    ada = enrolled(floor, "ada", *CONSENTS)
    boris = enrolled(floor, "boris", Purpose.TRAINING_MODELS, Purpose.SHARED_MODELS)
    clara = enrolled(floor, "clara", Purpose.SHARED_MODELS, Purpose.TRAINER_ACCESS)
    for number, person in enumerate((ada, boris, clara)):
        trained(floor, person, number)
    floor.project()
    own = dataset_of_tenant(floor.read_side, TENANT)
    assert {example.person for example in own.examples} == {ada.pseudonym, boris.pseudonym}
    assert own.dropped == {"no consent": 2}
    shared = dataset_of_tenant(floor.read_side, TENANT, Selection(shared=Shared.EVERYBODY))
    assert {example.person for example in shared.examples} == {boris.pseudonym}
    floor.consent(ada, Purpose.TRAINING_MODELS, given=False)
    floor.project()
    after = dataset_of_tenant(floor.read_side, TENANT)
    assert {example.person for example in after.examples} == {boris.pseudonym}
    assert after.sha256 != own.sha256
    assert dataset_of_tenant(floor.read_side, "other").examples == ()


def test_what_a_device_said_counts_when_it_was_sure_or_somebody_confirmed_it(floor: GymFloor) -> None:
    ada = enrolled(floor, "ada", *CONSENTS)
    done = trained(floor, ada, 1, source=Source.DEVICE)  # with a confidence of 0.8
    floor.project()
    assert len(labelled(dataset_of_tenant(floor.read_side, TENANT).examples)) == 2
    strict = Selection(least_confidence=0.9)
    assert dataset_of_tenant(floor.read_side, TENANT, strict).dropped == {"neither confirmed nor confident": 2}
    floor.correct(ada, done.session, 1, 1)
    floor.project()
    (confirmed,) = labelled(dataset_of_tenant(floor.read_side, TENANT, strict).examples)
    assert confirmed.label == "resistanceTargeted:legs/squat"


def test_deleted_sets_sessions_and_people_are_never_there(floor: GymFloor) -> None:
    ada, boris = enrolled(floor, "ada", *CONSENTS), enrolled(floor, "boris", *CONSENTS)
    kept, gone = trained(floor, ada, 1), trained(floor, ada, 2)
    trained(floor, boris, 3)
    floor.correct(ada, kept.session, 2, 1, deleted=True)
    floor.delete(ada, gone.session)
    floor.erase(boris)
    floor.project()
    made = labelled(dataset_of_tenant(floor.read_side, TENANT).examples)
    assert [(example.person, example.session, example.number) for example in made] == [(ada.pseudonym, kept.session, 1)]


def test_who_is_erased_is_gone_before_the_tables_have_heard_of_it(floor: GymFloor) -> None:
    ada, boris = enrolled(floor, "ada", *CONSENTS), enrolled(floor, "boris", *CONSENTS)
    trained(floor, ada, 1)
    trained(floor, boris, 2)
    floor.project()
    floor.ask(ada, EraseUser(at_ms=floor.now_ms))
    floor.keys.forget(*ada)
    made = dataset_of_tenant(UnerasedViews(floor.read_side, floor.keys), TENANT)
    assert {example.person for example in made.examples} == {boris.pseudonym}


def test_a_page_of_nobody_but_the_erased_is_not_the_end_of_the_list(floor: GymFloor) -> None:
    people = sorted(enrolled(floor, f"p{number}", *CONSENTS) for number in range(5))
    for number, person in enumerate(people):
        trained(floor, person, number, sets=1)
    floor.project()
    for person in (*people[:3], people[4]):
        floor.keys.forget(*person)
    with patch("kinelog.ml.dataset.PEOPLE_A_PAGE", 1):
        made = dataset_of_tenant(UnerasedViews(floor.read_side, floor.keys), TENANT)
    assert {example.person for example in made.examples} == {people[3].pseudonym}


def test_a_set_whose_every_block_lost_samples_says_so(floor: GymFloor) -> None:
    ada = enrolled(floor, "ada", *CONSENTS)
    session = floor.start(ada, 1)
    began = floor.now_ms
    for sequence in range(12):
        floor.send(ada, session, sequence, muvr16_block(began + sequence * 2045, 70, 2045, sequence, sequence))
    floor.label(ada, session, began + 6000, began + 16_000, source=Source.PERSON)
    floor.project()
    assert dataset_of_tenant(floor.read_side, TENANT).dropped == {"every block lost samples": 1}


def test_a_person_whose_withdrawal_waits_to_be_folded_is_left_out(floor: GymFloor) -> None:
    ada = enrolled(floor, "ada", *CONSENTS)
    trained(floor, ada, 1)
    floor.project()
    floor.consent(ada, Purpose.TRAINING_MODELS, given=False)

    def broken(*_: object) -> None:
        raise ValueError

    damaged = replace(people.PEOPLE, fold=broken)
    for folding in floor.worker._foldings:
        if folding.view.name == "people":
            folding.view = damaged
    floor.project()
    assert [row.view for row in floor.read_side.parked()] == ["people"]
    assert "training-models" in floor.read_side.people(TENANT, None, 9)[0].consents
    made = dataset_of_tenant(floor.read_side, TENANT)
    assert made.examples == ()
    assert made.dropped == {"events of the person wait to be folded": 2}


def test_a_set_with_a_hole_at_its_start_is_counted_and_others_stay(floor: GymFloor) -> None:
    ada = enrolled(floor, "ada", *CONSENTS)
    done = trained(floor, ada, 1)
    # the same session again, for somebody whose frames around the first set were lost
    boris = enrolled(floor, "boris", *CONSENTS)
    session = floor.start(boris, 2, floor.now_ms)
    shift = floor.now_ms - done.sets[0].start_ms + 31_000
    floor.label(boris, session, done.sets[0].start_ms + shift, done.sets[0].end_ms + shift, source=Source.PERSON)
    floor.project()
    made = dataset_of_tenant(floor.read_side, TENANT)
    assert made.dropped == {"no samples": 1}
    assert {example.person for example in made.examples} == {ada.pseudonym}


def test_the_same_tables_give_the_same_hash(floor: GymFloor) -> None:
    trained(floor, enrolled(floor, "ada", *CONSENTS), 1)
    floor.project()
    first, again = (dataset_of_tenant(floor.read_side, TENANT) for _ in range(2))
    assert first.sha256 == again.sha256
    assert np.array_equal(first.examples[0].samples, again.examples[0].samples)
