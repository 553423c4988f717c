"""What a genome's network weighs and what it costs on a device, by counting.

The cost is in multiplications of a naive loop, the front end's share included as what it takes in the same time. The
limit is a naive dense 150-128-64 net on the raw window of the same sensors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from kinelog.device import blob_format
from kinelog.device.features import FEATURES_PER_SITE
from kinelog.device.layers import AXES
from kinelog.device.layers import WINDOW as ROWS

if TYPE_CHECKING:
    from kinelog.ml.genome import Genome

FEATURE_COST = 16_000
"""Multiplications that take as long as the features of one sensor."""


class NetworkShape(msgspec.Struct, frozen=True):
    """What the network is connected to.

    Attributes:
        sites: Number of sensors.
        labels: Number of labels.
        fine_labels: Number of the finest labels, at least `labels`.
        features_per_site: Features of one sensor.
    """

    sites: int
    labels: int
    fine_labels: int
    features_per_site: int = FEATURES_PER_SITE


class LayerSize(msgspec.Struct, frozen=True):
    """Sizes of one layer.

    Attributes:
        inputs: Of one output, without the bias.
        outputs: Units, or filters.
        positions: How often the layer is applied to a window: 1 for a dense one.
    """

    inputs: int
    outputs: int
    positions: int = 1


def positions_of(genome: Genome) -> list[int]:
    """Positions of each convolution; zero or less where the window is too short."""
    rows, found = ROWS, []
    for layer in genome.conv:
        rows = (rows - layer.kernel) // layer.stride + 1
        found.append(rows)
    return found


def windows_too_short(genome: Genome) -> bool:
    """Whether a convolution would have no position left."""
    return any(rows < 1 for rows in positions_of(genome))


def dense_inputs(genome: Genome, shape: NetworkShape) -> int:
    """Inputs of the first dense layer: raw or pooled part, features, a flag a sensor."""
    raw = 0
    if genome.front_end != "features":
        raw = genome.conv[-1].filters if genome.conv else ROWS * AXES * shape.sites
    features = shape.features_per_site * shape.sites if genome.front_end != "raw" else 0
    return raw + features + (shape.sites if genome.masked else 0)


def net_outputs(genome: Genome, shape: NetworkShape) -> int:
    """Outputs of the network, before fine labels are summed."""
    return shape.fine_labels if genome.fine_labels else shape.labels


def layer_sizes(genome: Genome, shape: NetworkShape) -> list[LayerSize]:
    """All layers that a device evaluates, first to last."""
    sizes, channels = [], AXES * shape.sites
    for layer, positions in zip(genome.conv, positions_of(genome), strict=True):
        sizes.append(LayerSize(layer.kernel * channels, layer.filters, positions))
        channels = layer.filters
    inputs = dense_inputs(genome, shape)
    for width in (*genome.dense, net_outputs(genome, shape)):
        sizes.append(LayerSize(inputs, width))
        inputs = width
    return sizes


def weight_bytes(genome: Genome, shape: NetworkShape) -> int:
    """Bytes of the weights as float32, biases included."""
    return sum(4 * (size.inputs + 1) * size.outputs for size in layer_sizes(genome, shape))


def vector_room(genome: Genome, shape: NetworkShape) -> int:
    """How many test vectors there is room for in a blob of the largest size."""
    sizes, outputs = layer_sizes(genome, shape), net_outputs(genome, shape)
    tables = len(sizes) * blob_format.LAYER.size + blob_format.group_bytes(outputs)
    left = blob_format.MAX_BLOB_BYTES - blob_format.HEADER.size - tables - weight_bytes(genome, shape)
    return left // blob_format.vector_bytes(ROWS, shape.sites, outputs, shape.labels)


def multiplications(genome: Genome, shape: NetworkShape) -> int:
    """Cost of front end and network for one window."""
    front_end = 0 if genome.front_end == "raw" else FEATURE_COST * shape.sites
    return front_end + sum(size.inputs * size.outputs * size.positions for size in layer_sizes(genome, shape))


def peer_multiplications(shape: NetworkShape) -> int:
    """Cost of the naive 150-128-64 net (150 numbers a sensor) that no genome may exceed."""
    return ROWS * AXES * shape.sites * 128 + 128 * 64 + 64 * shape.labels
