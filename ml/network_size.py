"""A genome's network as a device reckons it: what it weighs and what it costs is decided there, in `device/cost.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from kinelog.device import cost
from kinelog.device.layers import WINDOW, Activation, FrontEnd

if TYPE_CHECKING:
    from kinelog.ml.genome import Genome

FRONT_ENDS = {"raw": FrontEnd.RAW, "features": FrontEnd.FEATURES, "both": FrontEnd.BOTH}
ACTIVATIONS = {
    "relu": Activation.RELU,
    "tanh": Activation.TANH,
    "logistic": Activation.LOGISTIC,
    "softmax": Activation.SOFTMAX,
}


class NetworkShape(msgspec.Struct, frozen=True):
    """What the network is connected to.

    Attributes:
        sites: Number of sensors.
        labels: Number of labels.
        fine_labels: Number of the finest labels, at least `labels`.
    """

    sites: int
    labels: int
    fine_labels: int


def windows_too_short(genome: Genome) -> bool:
    """Whether a convolution would have no position left."""
    rows = WINDOW
    for layer in genome.conv:
        rows = (rows - layer.kernel) // layer.stride + 1
        if rows < 1:
            return True
    return False


def net_outputs(genome: Genome, shape: NetworkShape) -> int:
    """Outputs of the network, before fine labels are summed."""
    return shape.fine_labels if genome.fine_labels else shape.labels


def device_shape(genome: Genome, shape: NetworkShape) -> cost.NetworkShape:
    """The network as a device sees it, auxiliary heads left out."""
    return cost.NetworkShape(
        front_end=FRONT_ENDS[genome.front_end],
        sites=shape.sites,
        dense=(*genome.dense, net_outputs(genome, shape)),
        convolutions=tuple((layer.filters, layer.kernel, layer.stride) for layer in genome.conv),
        activation=ACTIVATIONS[genome.activation],
        masked=genome.masked,
    )
