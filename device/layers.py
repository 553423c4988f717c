"""The layers of a model as values: what a network computes on a device, layer by layer."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

WINDOW: int = 50
"""Samples of a window: one second."""
RATE_HZ: int = 50
AXES: int = 3


class FrontEnd(enum.IntEnum):
    """What the network sees of a window; the number is the one in the blob."""

    RAW = 0
    FEATURES = 1
    BOTH = 2


class Activation(enum.IntEnum):
    """What becomes of a layer's sums; the number is the one in the blob."""

    LINEAR = 0
    RELU = 1
    TANH = 2
    LOGISTIC = 3
    SOFTMAX = 4


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A layer in which every output sees every input.

    Attributes:
        weights: `(outputs, 1 + inputs)` float32; column 0 is the bias.
        activation: Softmax only in a model's last layer.
    """

    weights: NDArray[np.float32]
    activation: Activation

    @property
    def outputs(self) -> int:
        """Width of the layer."""
        return int(self.weights.shape[0])

    @property
    def inputs(self) -> int:
        """Values that each output sees."""
        return int(self.weights.shape[1]) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Conv1D:
    """A convolution along time, without padding.

    Attributes:
        weights: `(filters, 1 + kernel * channels)` float32; column 0 is the bias, then the channels of the kernel's
            first row, of its second, and so on.
        kernel: Rows that a filter sees.
        stride: Rows between two positions of the filter.
        activation: Not softmax.
    """

    weights: NDArray[np.float32]
    kernel: int
    stride: int
    activation: Activation

    @property
    def outputs(self) -> int:
        """Number of filters."""
        return int(self.weights.shape[0])

    @property
    def inputs(self) -> int:
        """Channels of the input."""
        return (int(self.weights.shape[1]) - 1) // max(1, self.kernel)


Layer: TypeAlias = Dense | Conv1D
