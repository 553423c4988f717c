"""Exported models compute what was trained, or are refused."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from kinelog.device.blob import Dense, ModelBlob, pack_blob, unpack_blob
from kinelog.device.evaluation import Evaluator, check_vectors
from kinelog.ml.batched_fit import fit_batch
from kinelog.ml.export import ExportError, check_export, to_blob
from kinelog.ml.fit_job import FitResult
from kinelog.ml.genome import Genome
from kinelog.ml.network_size import NetworkShape, device_shape
from kinelog.ml.probe_windows import probe_windows

from tests.ml.made_fits import SHAPES, movements

pytestmark = pytest.mark.fit

DATA = movements()


@pytest.fixture(scope="module")
def fits() -> dict[str, tuple[Genome, FitResult]]:
    genomes = {name: msgspec.structs.replace(genome, epochs=15) for name, genome in SHAPES.items()}
    return {name: (genome, fit_batch([DATA.job(genome)])[0]) for name, genome in genomes.items()}


def groups(genome: Genome) -> tuple[int, ...]:
    return tuple(DATA.targets.groups.tolist()) if genome.fine_labels else (0, 1, 2, 3)


@pytest.mark.parametrize("name", SHAPES)
def test_an_exported_model_is_what_keras_computes(name: str, fits: dict[str, tuple[Genome, FitResult]]) -> None:
    genome, result = fits[name]
    blob = to_blob(result, genome, groups(genome), 1.3, 0.5, DATA.windows)
    check = check_export(blob, result, genome, DATA.windows)
    assert check.logit <= 1e-4
    assert check.probability <= 1e-5
    assert check.windows >= 60


@pytest.mark.parametrize("name", SHAPES)
def test_a_published_blob_holds_what_its_vectors_say(name: str, fits: dict[str, tuple[Genome, FitResult]]) -> None:
    genome, result = fits[name]
    data = pack_blob(to_blob(result, genome, groups(genome), 1.3, 0.5, DATA.windows))
    blob = unpack_blob(data)
    check_vectors(blob)
    assert 16 <= len(blob.vectors) <= 24
    assert len(data) <= 48 * 1024
    assert {vector.present for vector in blob.vectors} == ({1, 2, 3} if genome.masked else {3})
    assert blob.weights_bytes == device_shape(genome, NetworkShape(2, 4, 8)).weights_bytes


def damaged(blob: ModelBlob, layer: int) -> ModelBlob:
    layers = list(blob.layers)
    weights = layers[layer].weights.copy()
    weights[0, 1:] = weights[0, 1:][::-1]
    layers[layer] = replace(layers[layer], weights=weights)
    return replace(blob, layers=tuple(layers))


@pytest.mark.parametrize(("name", "layer"), [("dense", 0), ("dense", 1), ("conv", 0), ("conv", 1), ("conv", 2)])
def test_weights_in_another_order_are_noticed(name: str, layer: int, fits: dict[str, tuple[Genome, FitResult]]) -> None:
    genome, result = fits[name]
    blob = to_blob(result, genome, groups(genome), 1.0, 0.0, None)
    with pytest.raises(ExportError, match="windows: logits differ"):
        check_export(damaged(blob, layer), result, genome, DATA.windows)


def test_a_normalisation_left_out_is_noticed(fits: dict[str, tuple[Genome, FitResult]]) -> None:
    genome, result = fits["dense"]
    blob = to_blob(result, genome, groups(genome), 1.0, 0.0, None)
    layers = (Dense(result.layers[0].weights, blob.dense[0].activation), *blob.layers[1:])
    with pytest.raises(ExportError):
        check_export(replace(blob, layers=layers), result, genome, DATA.windows)


def test_fine_labels_are_summed_behind_the_softmax(fits: dict[str, tuple[Genome, FitResult]]) -> None:
    genome, result = fits["odd"]
    said = Evaluator(to_blob(result, genome, groups(genome), 2.0, 0.0, None)).evaluate(DATA.windows)
    assert said.logits.shape[1] == 8
    shares = np.exp(said.logits.astype(float) / 2)
    shares /= shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(said.probabilities, shares.reshape(-1, 4, 2).sum(axis=2), atol=1e-6)


def test_auxiliary_heads_are_left_behind(fits: dict[str, tuple[Genome, FitResult]]) -> None:
    genome, result = fits["odd"]
    assert genome.auxiliary
    assert [len(layer.weights) for layer in result.layers] == [17, 13, 8]


def test_a_fit_that_ran_over_is_not_exported() -> None:
    wild = msgspec.structs.replace(SHAPES["dense"], learning_rate=1e30)
    result = fit_batch([DATA.job(wild)])[0]
    with pytest.raises(ValueError, match="nan"):
        to_blob(result, wild, range(4), 1.0, 0.0, None)


def test_probes_are_still_restless_spiked_and_clipped() -> None:
    probes = probe_windows(DATA.windows)
    assert list(probes) == ["real", "still", "still ±1 mg", "one spike", "clipped"]
    assert (np.ptp(probes["still"], axis=1) == 0).all()
    assert np.ptp(probes["still ±1 mg"], axis=1).max() == 2
    assert (np.abs(probes["one spike"]) == 8000).any(axis=(1, 2)).all()
    assert np.abs(probes["clipped"]).max() == 8000
    assert all(windows.dtype == np.int16 and windows.shape[1:] == (50, 6) for windows in probes.values())
