"""Training of a stack of networks: one epoch as one compiled program, kept by shape.

A program is traced once: numbers of steps, learning rates, decay, dropout, smoothing and the data are its arguments.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from kinelog.ml.stacked_network import StackedNetwork, StackShape
from kinelog.ml.tensorflow_setup import tf
from numpy.typing import NDArray

PROGRAMS_KEPT = 12
AUXILIARY_SHARE = 0.3
"""What the auxiliary head's loss counts."""


class Control:
    """Columns of a step's numbers: what the optimiser does with one candidate. `IDLE` changes nothing.

    `moment = KEEP_FIRST * moment + TAKE_FIRST * gradient`, the second moment alike; `weights *= 1 - DECAY` (biases do
    not decay), then `weights -= RATE * direction`.
    """

    KEEP_FIRST, TAKE_FIRST, KEEP_SECOND, TAKE_SECOND, RATE, DECAY = range(6)
    COLUMNS = 6
    IDLE = (1.0, 0.0, 1.0, 0.0, 0.0, 0.0)


class EpochData(NamedTuple):
    """An epoch of all candidates; S steps, K candidates, B examples a step.

    Attributes:
        window: `(S, K, B, 50, channels)` float32, or no channels.
        flat: `(S, K, B, flat inputs)` float32.
        outputs: `(S, K, B)` int32 which output is right.
        weights: `(S, K, B)` float32; each step's sum to one, or all are zero where a candidate has no such step.
        auxiliary: `(S, K, B)` int32.
        auxiliary_weights: As `weights`; zero where the auxiliary label is unknown.
        kept: For each hidden layer `(S, K, B, width)` bool which units are kept; nothing where none drops.
        control: `(S, K, 6)` float32, see `Control`.
    """

    window: NDArray[np.float32]
    flat: NDArray[np.float32]
    outputs: NDArray[np.int32]
    weights: NDArray[np.float32]
    auxiliary: NDArray[np.int32]
    auxiliary_weights: NDArray[np.float32]
    kept: tuple[NDArray[np.bool_], ...]
    control: NDArray[np.float32]


class StackedProgram:
    """A stack of networks, its optimiser's memory and the compiled epoch.

    Attributes:
        traces: How often TensorFlow traced the epoch: once, however many fits it serves.
    """

    def __init__(self, shape: StackShape) -> None:
        self._shape = shape
        self._network = StackedNetwork(shape)
        self._kernels = [kernel.value for kernel in self._network.kernels()]
        self._first = [tf.Variable(tf.zeros_like(kernel)) for kernel in self._kernels]
        adam = shape.optimiser == "adam"
        self._second = [tf.Variable(tf.zeros_like(kernel)) for kernel in self._kernels] if adam else []
        self._decays = [_decaying_rows(kernel.shape[1]) for kernel in self._kernels]
        self.traces = 0
        self._epoch = tf.function(self._run_epoch, input_signature=self._signature())

    def load(self, kernels: Sequence[NDArray[np.float32]]) -> None:
        """Start from these weights, `(K, 1 + inputs, outputs)` a layer, with an optimiser that remembers nothing."""
        for variable, values in zip(self._kernels, kernels, strict=True):
            variable.assign(values)
        for memory in (*self._first, *self._second):
            memory.assign(tf.zeros_like(memory))

    def train(
        self, data: EpochData, smoothing: NDArray[np.float32], keep_scale: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Run one epoch.

        Args:
            data: Of the epoch.
            smoothing: `(K,)` share of the target that is spread over all outputs.
            keep_scale: `(K,)` what kept units are multiplied by.

        Returns:
            `(K,)` sum of the steps' losses.
        """
        losses = self._epoch(data, smoothing, keep_scale)
        return np.asarray(losses.numpy(), np.float32)

    def kernels(self) -> list[NDArray[np.float32]]:
        """The weights, `(K, 1 + inputs, outputs)` a layer."""
        return [kernel.numpy() for kernel in self._kernels]

    def _signature(self) -> tuple[object, ...]:
        shape = self._shape
        step = (None, shape.candidates, shape.batch_size)
        widths = shape.dense if shape.drops else ()
        data = EpochData(
            window=tf.TensorSpec((*step, 50, shape.channels), tf.float32),
            flat=tf.TensorSpec((*step, shape.flat_inputs), tf.float32),
            outputs=tf.TensorSpec(step, tf.int32),
            weights=tf.TensorSpec(step, tf.float32),
            auxiliary=tf.TensorSpec(step, tf.int32),
            auxiliary_weights=tf.TensorSpec(step, tf.float32),
            kept=tuple(tf.TensorSpec((*step, width), tf.bool) for width in widths),
            control=tf.TensorSpec((None, shape.candidates, Control.COLUMNS), tf.float32),
        )
        of_candidate = tf.TensorSpec((shape.candidates,), tf.float32)
        return data, of_candidate, of_candidate

    def _run_epoch(self, data: EpochData, smoothing: tf.Tensor, keep_scale: tf.Tensor) -> tf.Tensor:
        self.traces += 1  # runs while tracing only
        scale = keep_scale[:, None, None]

        def step(at: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            dropped = tuple(tf.cast(mask[at], tf.float32) * scale for mask in data.kept)
            with tf.GradientTape() as tape:
                logits, auxiliary_logits = self._network(data.window[at], data.flat[at], dropped)
                loss = _losses(logits, data.outputs[at], data.weights[at], smoothing)
                if auxiliary_logits is not None:
                    none = tf.zeros_like(smoothing)
                    second = _losses(auxiliary_logits, data.auxiliary[at], data.auxiliary_weights[at], none)
                    loss += AUXILIARY_SHARE * second
                summed = tf.reduce_sum(loss)  # a candidate's gradient is that of its own loss
            self._update(tape.gradient(summed, self._kernels), data.control[at])
            return at + 1, total + loss

        steps = tf.shape(data.control)[0]
        start = (tf.constant(0), tf.zeros((self._shape.candidates,)))
        return tf.while_loop(lambda at, _: at < steps, step, start)[1]

    def _update(self, gradients: Sequence[tf.Tensor], control: tf.Tensor) -> None:
        """One step of the optimiser, element by element: nothing is summed or clipped over candidates."""
        columns = [control[:, column, None, None] for column in range(Control.COLUMNS)]
        keep_first, take_first, keep_second, take_second, rate, decay = columns
        for place, (kernel, gradient) in enumerate(zip(self._kernels, gradients, strict=True)):
            first = self._first[place].assign(keep_first * self._first[place] + take_first * gradient)
            if self._second:
                memory = self._second[place]
                second = memory.assign(keep_second * memory + take_second * tf.square(gradient))
                direction = first / (tf.sqrt(second) + 1e-7)
            else:
                direction = keep_first * first + take_first * gradient
            kernel.assign(kernel * (1.0 - decay * self._decays[place]) - rate * direction)


class ProgramCache:
    """Compiled programs by shape; the one that was not used for longest goes first.

    Attributes:
        made: Programs made so far. TensorFlow keeps some 2 MB of each, used or not, until the process ends: a worker
            that made hundreds is better replaced by a fresh one.
    """

    def __init__(self, kept: int = PROGRAMS_KEPT) -> None:
        self.made = 0
        self._kept = kept
        self._programs: OrderedDict[StackShape, StackedProgram] = OrderedDict()

    def program(self, shape: StackShape) -> StackedProgram:
        """The program of a shape; made if it is not there."""
        program = self._programs.pop(shape, None)
        if program is None:
            program = StackedProgram(shape)
            self.made += 1
        self._programs[shape] = program
        while len(self._programs) > self._kept:
            self._programs.popitem(last=False)
        return program

    def clear(self) -> None:
        """Let all go."""
        self._programs.clear()

    def programs(self) -> Mapping[StackShape, StackedProgram]:
        """What is kept, what was used last at the end."""
        return dict(self._programs)


def _decaying_rows(rows: int) -> NDArray[np.float32]:
    decays = np.ones((1, rows, 1), np.float32)
    decays[:, 0] = 0  # a bias does not decay
    return decays


def _losses(logits: tf.Tensor, outputs: tf.Tensor, weights: tf.Tensor, smoothing: tf.Tensor) -> tf.Tensor:
    """`(K,)` cross-entropy of each candidate."""
    count = logits.shape[2]
    spread = smoothing[:, None, None]
    right = tf.one_hot(outputs, count) * (1.0 - spread) + spread / count
    shifted = logits - tf.stop_gradient(tf.reduce_max(logits, axis=2, keepdims=True))
    log_sum = tf.math.log(tf.reduce_sum(tf.exp(shifted), axis=2, keepdims=True))
    return tf.reduce_sum(tf.reduce_sum(right * (log_sum - shifted), axis=2) * weights, axis=1)
