"""Many networks of one shape as one Keras model: each weight has a leading axis of candidates.

Every operation acts on one candidate's slice at a time, with the same bits wherever that slice lies in the batch. Three
things had to be avoided for it: sums over an axis that is not the last one, whose order TensorFlow chooses by the size
of the whole tensor (biases are therefore a row of the kernel, and means over time an average pool); TensorFlow's own
softmax; and a batch of one candidate, for which matrix products take another path.
"""

from __future__ import annotations

from dataclasses import dataclass

from kinelog.ml.genome import Activation, Convolution, Optimiser
from kinelog.ml.tensorflow_setup import keras, tf
from typing_extensions import override


@dataclass(frozen=True, slots=True)
class StackShape:
    """What decides a compiled program: everything else about a batch of fits is data.

    Attributes:
        candidates: Networks in the stack, at least 2.
        batch_size: Examples a step of each network; a multiple of 16, so that no slice ends within a vector register.
        channels: Columns of the raw window for the convolutions; 0 without any.
        flat_inputs: Inputs of the first dense layer that do not come from a convolution.
        conv: Convolutions.
        dense: Widths of hidden layers.
        outputs: Of the main head.
        auxiliary_outputs: Of the auxiliary head; 0 for none.
        activation: Of hidden layers.
        optimiser: Which rule.
        drops: Whether any network drops units out.
    """

    candidates: int
    batch_size: int
    channels: int
    flat_inputs: int
    conv: tuple[Convolution, ...]
    dense: tuple[int, ...]
    outputs: int
    auxiliary_outputs: int
    activation: Activation
    optimiser: Optimiser
    drops: bool

    def kernel_sizes(self) -> list[tuple[int, int]]:
        """Inputs, without the bias, and outputs of each layer: convolutions, dense ones, head, auxiliary head."""
        sizes, inputs = [], self.channels
        for layer in self.conv:
            sizes.append((layer.kernel * inputs, layer.filters))
            inputs = layer.filters
        inputs = self.flat_inputs + (inputs if self.conv else 0)
        for width in self.dense:
            sizes.append((inputs, width))
            inputs = width
        sizes.append((inputs, self.outputs))
        if self.auxiliary_outputs:
            sizes.append((inputs, self.auxiliary_outputs))
        return sizes


class StackedDense(keras.layers.Layer):  # type: ignore[misc] # Keras carries no types
    """A dense layer of each candidate.

    Attributes:
        kernel: `(candidates, 1 + inputs, outputs)`; row 0 is the bias.
    """

    def __init__(self, candidates: int, inputs: int, outputs: int, activation: str) -> None:
        super().__init__()
        self.kernel = self.add_weight(shape=(candidates, 1 + inputs, outputs), initializer="zeros", name="kernel")
        self._activation = {"relu": tf.nn.relu, "tanh": tf.tanh, "logistic": tf.sigmoid, "linear": tf.identity}[
            activation
        ]

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """`(candidates, rows, inputs)` to `(candidates, rows, outputs)`."""
        ones = tf.ones_like(inputs[:, :, :1])
        return self._activation(tf.matmul(tf.concat([ones, inputs], axis=2), self.kernel))


class StackedConvolution(StackedDense):
    """A convolution over time of each candidate, as a dense layer on unfolded windows."""

    def __init__(self, candidates: int, channels: int, layer: Convolution, activation: str) -> None:
        super().__init__(candidates, layer.kernel * channels, layer.filters, activation)
        self._layer = layer

    @override
    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """`(candidates, batch, rows, channels)` to `(candidates, batch, positions, filters)`."""
        unfolded = unfold(inputs, self._layer.kernel, self._layer.stride)
        candidates, batch, positions, width = unfolded.shape
        flat = super().call(tf.reshape(unfolded, (candidates, batch * positions, width)))
        return tf.reshape(flat, (candidates, batch, positions, self._layer.filters))


class StackedNetwork(keras.Model):  # type: ignore[misc] # Keras carries no types
    """All candidates' networks."""

    def __init__(self, shape: StackShape) -> None:
        super().__init__()
        sizes = shape.kernel_sizes()
        count, channels = shape.candidates, shape.channels
        self.convolutions = []
        for layer in shape.conv:
            self.convolutions.append(StackedConvolution(count, channels, layer, shape.activation))
            channels = layer.filters
        first, last = len(shape.conv), len(shape.conv) + len(shape.dense)
        self.hidden = [StackedDense(count, *size, shape.activation) for size in sizes[first:last]]
        self.head = StackedDense(count, *sizes[last], "linear")
        self.auxiliary_head = StackedDense(count, *sizes[-1], "linear") if shape.auxiliary_outputs else None

    def call(
        self, window: tf.Tensor, flat: tf.Tensor, dropped: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Logits of the head, and of the auxiliary head if there is one.

        Args:
            window: `(candidates, batch, 50, channels)`.
            flat: `(candidates, batch, flat inputs)`.
            dropped: For each hidden layer `(candidates, batch, width)` what its outputs are multiplied by; or nothing.
        """
        values = flat
        if self.convolutions:
            for layer in self.convolutions:
                window = layer(window)
            values = tf.concat([mean_over_time(window), flat], axis=2)
        for place, layer in enumerate(self.hidden):
            values = layer(values)
            if dropped:
                values *= dropped[place]
        return self.head(values), self.auxiliary_head(values) if self.auxiliary_head else None

    def kernels(self) -> list[tf.Variable]:
        """The weights, in the order of `StackShape.kernel_sizes`."""
        heads = [self.head, self.auxiliary_head] if self.auxiliary_head else [self.head]
        return [layer.kernel for layer in (*self.convolutions, *self.hidden, *heads)]


def unfold(window: tf.Tensor, kernel: int, stride: int) -> tf.Tensor:
    """`(…, rows, channels)` to `(…, positions, kernel * channels)`, by position, then channel."""
    positions = (window.shape[2] - kernel) // stride + 1
    reach = stride * (positions - 1) + 1
    return tf.concat([window[:, :, at : at + reach : stride] for at in range(kernel)], axis=3)


def mean_over_time(window: tf.Tensor) -> tf.Tensor:
    """`(candidates, batch, positions, filters)` to `(candidates, batch, filters)`."""
    candidates, batch, positions, filters = window.shape
    flat = tf.reshape(window, (candidates * batch, positions, 1, filters))
    mean = tf.nn.avg_pool2d(flat, (positions, 1), 1, "VALID")
    return tf.reshape(mean, (candidates, batch, filters))
