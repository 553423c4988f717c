"""What a model takes on a device, reckoned from its shape: bytes of weights, and time beside a naive net.

The unit of time is one multiplication with its addition in a naive net, as `benchmarks/device_evaluation.py` measures
it in the same run. The figures below are rounded up from that benchmark, since the ratio differs between processors: a
model that is within the limit here has room to spare there, and the benchmark prints both beside each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from kinelog.device import blob_format as fmt
from kinelog.device.layers import AXES, WINDOW, Activation, FrontEnd
from kinelog.device.model import ModelBlob, first_dense_inputs

NAIVE_NET: Final = (150, 128, 64, 9)
"""Layers of the net that no model may be slower than."""

_NAIVE_COST: Final = float(sum(one * other for one, other in pairwise(NAIVE_NET)))
_FRONT_END_COST: Final = 3200.0
"""The features of one site."""
_DENSE_COST: Final = 1.0
"""One weight of a dense layer, bytes read and summed in double."""
_CONVOLUTION_COST: Final = 1.4
"""One weight at one position: short rows keep a processor less busy."""
_SMOOTH_COST: Final = 75.0
"""One `tanh`, `exp` or logistic function in double."""
_SAMPLE_COST: Final = 3.0
"""One sample of a raw window, made a float."""


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """A model without its numbers.

    Attributes:
        front_end: What the network sees.
        sites: Number of sites.
        dense: Widths of the dense layers; the last is the number of the network's outputs.
        convolutions: Filters, kernel and stride of each.
        activation: Of all layers but the last.
        masked: Whether the mask of the sites is appended.
    """

    front_end: FrontEnd
    sites: int
    dense: tuple[int, ...]
    convolutions: tuple[tuple[int, int, int], ...] = ()
    activation: Activation = Activation.RELU
    masked: bool = False

    @property
    def weights_bytes(self) -> int:
        """Bytes of all weights and biases as float32; a blob takes 32768."""
        kernels = sum(filters * (1 + row) for filters, row, _ in self._convolved())
        return 4 * (kernels + sum(outputs * (1 + inputs) for inputs, outputs in self._connected()))

    @property
    def blob_bytes(self) -> int:
        """Bytes of a blob with as few test vectors as there may be, each output being a label; a device takes 49152.

        A vector holds a whole window, so that many sites leave little room for weights.
        """
        outputs = self.dense[-1]
        table = fmt.LAYER.size * (len(self.convolutions) + len(self.dense)) + fmt.group_bytes(outputs)
        vectors = fmt.MIN_VECTORS * fmt.vector_bytes(WINDOW, self.sites, outputs, outputs)
        return fmt.HEADER.size + table + self.weights_bytes + vectors

    @property
    def multiply_adds(self) -> int:
        """Products that one evaluation adds up, the front end's apart."""
        convolved = sum(filters * row * positions for filters, row, positions in self._convolved())
        return convolved + sum(inputs * outputs for inputs, outputs in self._connected())

    @property
    def relative_cost(self) -> float:
        """Time of front end and network, as a multiple of the naive net's; above 1 it is too slow for a device."""
        features = 0 if self.front_end == FrontEnd.RAW else self.sites
        samples = 0 if self.front_end == FrontEnd.FEATURES else WINDOW * AXES * self.sites
        cost = _FRONT_END_COST * features + _SAMPLE_COST * samples + _SMOOTH_COST * self._smooth()
        cost += _CONVOLUTION_COST * sum(filters * row * positions for filters, row, positions in self._convolved())
        cost += _DENSE_COST * sum(inputs * outputs for inputs, outputs in self._connected())
        return cost / _NAIVE_COST

    @property
    def fits_a_device(self) -> bool:
        """Whether weights, blob and time stay within what a device is given."""
        small = self.weights_bytes <= fmt.MAX_WEIGHTS_BYTES and self.blob_bytes <= fmt.MAX_BLOB_BYTES
        return small and self.relative_cost <= 1.0

    def _convolved(self) -> list[tuple[int, int, int]]:
        """Of each convolution: filters, values that a filter sees, positions."""
        rows, channels = WINDOW, AXES * self.sites
        layers = []
        for filters, kernel, stride in self.convolutions:
            rows = max(0, (rows - kernel) // stride + 1)
            layers.append((filters, kernel * channels, rows))
            channels = filters
        return layers

    def _connected(self) -> list[tuple[int, int]]:
        """Of each dense layer: inputs and outputs."""
        filters = self.convolutions[-1][0] if self.convolutions else None
        inputs = first_dense_inputs(self.front_end, self.sites, filters, masked=self.masked)
        return list(zip((inputs, *self.dense[:-1]), self.dense, strict=True))

    def _smooth(self) -> int:
        """Calls of the mathematical library: the softmax, and the layers' activations if they are smooth."""
        if self.activation in (Activation.LINEAR, Activation.RELU):
            return self.dense[-1]
        return sum(self.dense) + sum(filters * positions for filters, _, positions in self._convolved())


def shape_of(blob: ModelBlob) -> NetworkShape:
    """The shape of a model; layers of different activations are reckoned as the dearest of them."""
    hidden = [layer.activation for layer in blob.layers[:-1]]
    return NetworkShape(
        blob.front_end,
        blob.sites,
        tuple(layer.outputs for layer in blob.dense),
        tuple((layer.outputs, layer.kernel, layer.stride) for layer in blob.convolutions),
        max(hidden, default=Activation.LINEAR),
        blob.masked,
    )
