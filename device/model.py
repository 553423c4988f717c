"""A model as a value: front end, layers, how outputs become labels, and vectors that show that it is computed right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from kinelog.device.features import FEATURES_PER_SITE
from kinelog.device.layers import AXES, WINDOW, Conv1D, Dense, FrontEnd, Layer
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """One window, and what the model makes of it.

    Attributes:
        present: The sites that deliver: bit *i* is the model's site *i*.
        window: `(50, 3 * sites)` int16 milli-g, row-interleaved; zeros where a site is absent.
        logits: `(outputs,)` float32, what enters the softmax.
        probabilities: `(labels,)` float32.
        decision: A label's number, or -1 for "unknown".
    """

    present: int
    window: NDArray[np.int16]
    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    decision: int


@dataclass(frozen=True, slots=True, eq=False)
class ModelBlob:
    """Everything that a device needs to evaluate one model; the names of sites and labels are in the manifest.

    Attributes:
        front_end: What the network sees.
        sites: Number of sites of a window.
        layers: Convolutions first (raw windows only), then dense layers; the last one is dense with softmax.
        group: The label of each output of the network; the probabilities of a label's outputs are added up.
        temperature: Divides the logits.
        abstain_below: With a best label less probable than this, the answer is "unknown".
        masked: The network is told which sites deliver, and may be asked with some of them absent.
        vectors: At least 16 before the model is packed.
    """

    front_end: FrontEnd
    sites: int
    layers: tuple[Layer, ...]
    group: tuple[int, ...]
    temperature: float = 1.0
    abstain_below: float = 0.0
    masked: bool = False
    vectors: tuple[Vector, ...] = ()

    @property
    def outputs(self) -> int:
        """Outputs of the network."""
        return self.layers[-1].outputs

    @property
    def labels(self) -> int:
        """Number of labels that outputs are gathered into."""
        return max(self.group) + 1

    @property
    def everywhere(self) -> int:
        """The mask in which every site delivers."""
        return (1 << self.sites) - 1

    @property
    def convolutions(self) -> tuple[Conv1D, ...]:
        """The layers before the pooling."""
        return tuple(layer for layer in self.layers if isinstance(layer, Conv1D))

    @property
    def dense(self) -> tuple[Dense, ...]:
        """The layers behind the pooling."""
        return tuple(layer for layer in self.layers if isinstance(layer, Dense))

    @property
    def weights_bytes(self) -> int:
        """Size of all weights as float32."""
        return sum(4 * layer.weights.size for layer in self.layers)


def first_dense_inputs(front_end: FrontEnd, sites: int, filters: int | None, *, masked: bool) -> int:
    """How many values the first dense layer sees.

    Args:
        front_end: What the network sees.
        sites: Number of sites.
        filters: Of the last convolution, which are averaged over time; None without one, when the window is flattened.
        masked: Whether the mask of the sites is appended.
    """
    raw = (WINDOW * AXES * sites if filters is None else filters) if front_end != FrontEnd.FEATURES else 0
    features = FEATURES_PER_SITE * sites if front_end != FrontEnd.RAW else 0
    return raw + features + (sites if masked else 0)
