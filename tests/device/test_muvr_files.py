"""The muvr app's files, read back by a reader that shares no code with what wrote them."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kinelog.device.blob import Activation, Dense, FrontEnd, ModelBlob
from kinelog.device.evaluation import Evaluator
from kinelog.device.muvr_files import MuvrFiles, MuvrRefusedError, muvr_files

from tests.device.made_models import HIDDEN, made_model, windows_that_hurt

LABELS = ("curl", "press", "row", "squat")


def raw_model(activation: Activation = Activation.RELU) -> ModelBlob:
    return made_model(dense=[12, 7], outputs=4, labels=4, activation=activation, vectors=False)


def read_back(files: MuvrFiles, samples: list[int]) -> dict[str, float]:
    """What a reader of the files' description computes, one multiplication after the other."""
    words = files.layers_txt.split()
    sizes, activations = list(map(int, words[::2])), words[1::2]
    assert activations[0] == "id"
    numbers = iter(struct.unpack(f"<{len(files.weights_raw) // 4}f", files.weights_raw))
    values = [float(sample) for sample in samples]
    assert len(values) == sizes[0]
    for size, activation in zip(sizes[1:], activations[1:], strict=True):
        sums = []
        for _ in range(size):
            total = next(numbers)
            for value in values:
                total += next(numbers) * value
            sums.append(total)
        values = activated(sums, activation)
    assert next(numbers, None) is None
    return dict(zip(files.labels_txt.splitlines(), values, strict=True))


def activated(sums: list[float], activation: str) -> list[float]:
    if activation == "softmax":
        shares = [math.exp(one - max(sums)) for one in sums]
        return [share / sum(shares) for share in shares]
    functions: dict[str, Callable[[float], float]] = {
        "id": lambda x: x,
        "relu": lambda x: max(0.0, x),
        "tanh": math.tanh,
        "logistic": lambda x: 1 / (1 + math.exp(-x)),
    }
    return [functions[activation](one) for one in sums]


@pytest.mark.parametrize("activation", HIDDEN)
def test_a_reader_of_the_files_predicts_what_the_model_predicts(activation: Activation) -> None:
    model = replace(raw_model(activation), group=(2, 0, 3, 1))
    files = muvr_files(model, LABELS)
    name = {"LINEAR": "id"}.get(activation.name, activation.name.lower())
    assert files.layers_txt == f"150 id 12 {name} 7 {name} 4 softmax\n"
    assert len(files.weights_raw) == 4 * (12 * 151 + 7 * 13 + 4 * 8)
    windows = windows_that_hurt(1)[:16]
    expected = Evaluator(model).evaluate(windows).probabilities
    for window, probabilities in zip(windows, expected, strict=True):
        said = read_back(files, window.ravel().tolist())
        assert [said[label] for label in LABELS] == pytest.approx(probabilities.tolist(), abs=1e-5)


def test_keras_order_would_be_as_long_and_predict_otherwise() -> None:
    """A kernel of inputs by outputs with the bias behind it: the mistake that a file's length does not show."""
    model = raw_model()
    files = muvr_files(model, LABELS)
    layers = [layer for layer in model.layers if isinstance(layer, Dense)]
    keras = b"".join(
        layer.weights[:, 1:].T.astype("<f4").tobytes() + layer.weights[:, 0].astype("<f4").tobytes() for layer in layers
    )
    wrong = replace(files, weights_raw=keras)
    assert len(wrong.weights_raw) == len(files.weights_raw)
    window = windows_that_hurt(1)[0].ravel().tolist()
    right, noise = read_back(files, window), read_back(wrong, window)
    assert max(abs(right[label] - noise[label]) for label in LABELS) > 0.1


def test_another_order_of_samples_would_predict_otherwise() -> None:
    files = muvr_files(raw_model(), LABELS)
    window = windows_that_hurt(1)[0]
    rows, channels = read_back(files, window.ravel().tolist()), read_back(files, window.T.ravel().tolist())
    assert max(abs(rows[label] - channels[label]) for label in LABELS) > 0.01


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (made_model(FrontEnd.FEATURES, vectors=False), "front end"),
        (made_model(FrontEnd.BOTH, vectors=False), "front end"),
        (made_model(convolutions=[(4, 5, 2)], vectors=False), "convolution"),
        (made_model(sites=2, vectors=False), "one site"),
        (made_model(masked=True, vectors=False), "mask"),
        (made_model(outputs=6, labels=4, vectors=False), "one output a label"),
    ],
)
def test_what_the_files_cannot_say_is_refused_with_the_reason(model: ModelBlob, reason: str) -> None:
    with pytest.raises(MuvrRefusedError, match=reason):
        muvr_files(model, LABELS)


@pytest.mark.parametrize("label", ["", "two\nlines", "curl", " press"])
def test_a_label_that_is_no_line_of_its_own_is_refused(label: str) -> None:
    with pytest.raises(MuvrRefusedError, match="labels"):
        muvr_files(raw_model(), ("curl", label, "row", "squat"))


def test_as_many_names_as_labels() -> None:
    with pytest.raises(MuvrRefusedError, match="3 names for 4 labels"):
        muvr_files(raw_model(), LABELS[:3])


def test_the_files_have_the_names_that_the_app_looks_for(tmp_path: Path) -> None:
    files = muvr_files(raw_model(), LABELS)
    files.write(tmp_path)
    assert (tmp_path / "layers.txt").read_text() == files.layers_txt
    assert (tmp_path / "labels.txt").read_text() == "curl\npress\nrow\nsquat\n"
    assert np.fromfile(tmp_path / "weights.raw", "<f4").size == len(files.weights_raw) // 4
