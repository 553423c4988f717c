"""Genomes: their names, what makes them invalid, which train together."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from kinelog.device.features import FEATURES_PER_SITE
from kinelog.ml.genome import (
    Convolution,
    Genome,
    InvalidGenomeError,
    check_genome,
    fits_muvr_format,
    genome_bytes,
    genome_from_bytes,
    genome_id,
    require_valid,
    shape_key,
)
from kinelog.ml.network_size import NetworkShape, device_shape

from tests.ml.genomes import WRIST, genomes


@settings(max_examples=30, deadline=None)
@given(genomes())
def test_a_genome_comes_back_from_its_bytes_under_the_same_name(genome: Genome) -> None:
    again = genome_from_bytes(genome_bytes(genome))
    assert again == genome
    assert genome_id(again) == genome_id(genome)


def test_every_field_is_part_of_the_name() -> None:
    changes: dict[str, object] = {
        "ends_ms": (0,),
        "jitter_ms": 250,
        "front_end": "raw",
        "conv": (Convolution(8, 5, 5),),
        "dense": (32,),
        "activation": "tanh",
        "dropout": 0.1,
        "weight_decay": 0.1,
        "label_smoothing": 0.1,
        "rotation_deg": 10.0,
        "noise_mg": 10.0,
        "thinned": 0.3,
        "input_noise": 0.3,
        "mirror": True,
        "fine_labels": True,
        "auxiliary": True,
        "masked": True,
        "optimiser": "momentum",
        "learning_rate": 0.01,
        "epochs": 41,
        "batch_size": 64,
        "seed": 1,
    }
    assert set(changes) == set(Genome.__struct_fields__)
    names = {genome_id(msgspec.structs.replace(Genome(), **{field: value})) for field, value in changes.items()}
    assert len(names | {genome_id(Genome())}) == len(changes) + 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ends_ms", ()),
        ("ends_ms", (0, 0)),
        ("ends_ms", (0, -500)),
        ("ends_ms", (100,)),
        ("ends_ms", (1250,)),
        ("jitter_ms", 1001),
        ("conv", (Convolution(8, 5, 5),)),
        ("dense", (64, 64, 64, 64)),
        ("dense", (3,)),
        ("dropout", float("nan")),
        ("rotation_deg", 20.5),
        ("thinned", 1.1),
        ("learning_rate", 0.0),
        ("epochs", 0),
        ("batch_size", 24),
        ("seed", -1),
    ],
)
def test_what_is_wrong_is_told_by_the_name_of_the_field(field: str, value: object) -> None:
    genome = msgspec.structs.replace(Genome(), **{field: value})
    assert [fault.field for fault in check_genome(genome, WRIST)] == [field]
    with pytest.raises(InvalidGenomeError, match=field):
        require_valid(genome, WRIST)


@pytest.mark.parametrize(
    "conv", [(Convolution(8, 0, 1),), (Convolution(8, 5, 6),), (Convolution(8, 25, 25), Convolution(8, 3, 1))]
)
def test_convolutions_that_leave_nothing_of_the_window_are_refused(conv: tuple[Convolution, ...]) -> None:
    faults = check_genome(Genome(front_end="raw", conv=conv), WRIST)
    assert [fault.field for fault in faults] == ["conv"]


def test_weights_are_counted_with_their_biases() -> None:
    genome = Genome(front_end="both", conv=(Convolution(8, 10, 5),), dense=(64,), masked=True, fine_labels=True)
    weights = 31 * 8 + (1 + 8 + FEATURES_PER_SITE + 1) * 64 + 65 * 20
    assert device_shape(genome, WRIST).weights_bytes == 4 * weights


def test_more_than_32_kilobytes_of_weights_are_invalid() -> None:
    assert not check_genome(Genome(dense=(64,)), WRIST)
    faults = check_genome(Genome(front_end="raw", dense=(64,)), WRIST)
    assert [fault.field for fault in faults] == ["weights"]


def test_what_costs_more_than_the_naive_net_is_invalid() -> None:
    genome = Genome(front_end="raw", conv=(Convolution(64, 5, 1), Convolution(16, 3, 1)), dense=(16,))
    assert [fault.field for fault in check_genome(genome, WRIST)] == ["cost"]


@pytest.mark.parametrize(("filters", "faults"), [(24, []), (30, ["cost"])])
def test_a_tenth_more_than_the_naive_net_costs_is_invalid_and_a_tenth_less_is_not(
    filters: int, faults: list[str]
) -> None:
    genome = Genome(front_end="raw", conv=(Convolution(filters, 5, 1),), dense=(16,))
    assert 0.85 < device_shape(genome, WRIST).relative_cost < 1.15
    assert [fault.field for fault in check_genome(genome, WRIST)] == faults


def test_weights_that_leave_no_room_for_test_vectors_are_invalid() -> None:
    seven = NetworkShape(sites=7, labels=9, fine_labels=20)
    faults = check_genome(Genome(front_end="raw", dense=(7,)), seven)
    assert [(fault.field, "test vectors" in fault.reason) for fault in faults] == [("weights", True)]


def test_more_labels_than_a_blob_may_have_are_invalid() -> None:
    many = NetworkShape(sites=1, labels=9, fine_labels=300)
    assert "fine_labels" in {fault.field for fault in check_genome(Genome(dense=(8,), fine_labels=True), many)}
    assert not check_genome(Genome(dense=(8,)), many)


def test_recipes_that_change_no_tensor_train_together() -> None:
    recipe = Genome(
        learning_rate=0.01, dropout=0.3, epochs=80, weight_decay=0.1, rotation_deg=5.0, ends_ms=(0,), seed=9
    )
    assert shape_key(recipe) == shape_key(Genome())
    assert shape_key(Genome(dense=(32, 32))) != shape_key(Genome())
    assert shape_key(Genome(batch_size=64)) != shape_key(Genome())


def test_the_old_format_holds_dense_nets_on_the_raw_window_only() -> None:
    assert fits_muvr_format(Genome(front_end="raw", dense=(48,)))
    assert not fits_muvr_format(Genome())
    assert not fits_muvr_format(Genome(front_end="raw", fine_labels=True))
    assert not fits_muvr_format(Genome(front_end="raw", conv=(Convolution(8, 5, 5),)))
