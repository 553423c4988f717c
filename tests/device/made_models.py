"""Made models and windows: every architecture that the format can say, and the windows that hurt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from kinelog.device.blob import Activation, Conv1D, Dense, FrontEnd, ModelBlob
from kinelog.device.evaluation import with_vectors
from kinelog.device.layers import AXES, WINDOW
from kinelog.device.model import first_dense_inputs
from numpy.typing import NDArray

HIDDEN = (Activation.LINEAR, Activation.RELU, Activation.TANH, Activation.LOGISTIC)


def windows_that_hurt(sites: int, seed: int = 1) -> NDArray[np.int16]:
    """20 windows: moving, still, flickering by one milli-g, with one spike, clipped, and at the ends of int16."""
    rng = np.random.default_rng(seed)
    columns = AXES * sites
    t = np.arange(WINDOW)[:, None] / WINDOW
    moving = [
        1000 * np.sin(2 * np.pi * (rng.uniform(0.3, 6, columns) * t + rng.uniform(0, 1, columns)))
        + rng.normal(0, 300, columns)
        + rng.normal(0, 30, (WINDOW, columns))
        for _ in range(8)
    ]
    still = [np.zeros((WINDOW, columns)), np.tile(rng.integers(-1000, 1000, columns), (WINDOW, 1)).astype(float)]
    flicker = [still[1] + rng.integers(-1, 2, (WINDOW, columns)) for _ in range(2)]
    spike = [still[1].copy(), moving[0].copy()]
    spike[0][17, 0] = 4095
    spike[1][49, columns - 1] = -32768
    clipped = [np.clip(4 * moving[1], -4095, 4095), np.clip(80 * moving[2], -32768, 32767)]
    ends = [np.full((WINDOW, columns), -32768.0), np.full((WINDOW, columns), 32767.0)]
    ends += [np.where(np.arange(WINDOW)[:, None] % 2 == 0, -32768.0, 32767.0) * np.ones(columns), moving[3][::-1]]
    rows = [*moving, *still, *flicker, *spike, *clipped, *ends]
    return np.round(np.stack(rows)).clip(-32768, 32767).astype(np.int16)


def made_model(
    front_end: FrontEnd = FrontEnd.RAW,
    sites: int = 1,
    convolutions: Sequence[tuple[int, int, int]] = (),
    dense: Sequence[int] = (8,),
    outputs: int = 5,
    labels: int = 3,
    activation: Activation = Activation.RELU,
    seed: int = 0,
    *,
    masked: bool = False,
    vectors: bool = True,
) -> ModelBlob:
    """A model of this shape with weights drawn so that neither the first layer nor the softmax saturates."""
    rng = np.random.default_rng(seed)
    layers: list[Conv1D | Dense] = []
    channels = AXES * sites
    for filters, kernel, stride in convolutions:
        layers.append(Conv1D(_drawn(rng, filters, kernel * channels, first=not layers), kernel, stride, activation))
        channels = filters
    inputs = first_dense_inputs(front_end, sites, channels if layers else None, masked=masked)
    for number, width in enumerate([*dense, outputs]):
        first = number == 0 and (front_end != FrontEnd.RAW or not layers)
        last = number == len(dense)
        layers.append(Dense(_drawn(rng, width, inputs, first=first), Activation.SOFTMAX if last else activation))
        inputs = width
    group = (*range(labels), *rng.integers(0, labels, outputs - labels).tolist())
    blob = ModelBlob(front_end, sites, tuple(layers), group, 1.3, 0.4, masked)
    return vectored(blob) if vectors else blob


def vectored(blob: ModelBlob) -> ModelBlob:
    """With the windows that hurt as test vectors; a masked model is asked with every mask in turn."""
    windows = windows_that_hurt(blob.sites)[:16]
    masks = 1 + np.arange(16) % blob.everywhere if blob.masked else None
    return with_vectors(blob, windows, masks)


def _drawn(rng: np.random.Generator, outputs: int, inputs: int, *, first: bool) -> NDArray[np.float32]:
    """First layers see thousands of milli-g: theirs are weights as folding a normalisation makes them."""
    weights = rng.normal(0, 1 / np.sqrt(inputs), (outputs, 1 + inputs))
    if first:
        weights[:, 1:] /= 500
    return weights.astype(np.float32)


@st.composite
def architectures(draw: st.DrawFn) -> ModelBlob:
    """Models of any shape, within the limits of the format."""
    front_end = draw(st.sampled_from(FrontEnd))
    sites = draw(st.integers(1, 2))
    masked = draw(st.booleans())
    convolutions = []
    rows = WINDOW
    for _ in range(draw(st.integers(0, 2)) if front_end != FrontEnd.FEATURES else 0):
        kernel = draw(st.integers(1, min(6, rows)))
        stride = draw(st.integers(1, 3))
        convolutions.append((draw(st.integers(1, 6)), kernel, stride))
        rows = (rows - kernel) // stride + 1
    dense = draw(st.lists(st.integers(1, 12), max_size=2))
    outputs = draw(st.integers(1, 9))
    labels = draw(st.integers(1, outputs))
    activation = draw(st.sampled_from(HIDDEN))
    seed = draw(st.integers(0, 1 << 16))
    return made_model(
        front_end, sites, convolutions, dense, outputs, labels, activation, seed, masked=masked, vectors=False
    )
