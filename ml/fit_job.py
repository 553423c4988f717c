"""What a fit is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from kinelog.ml.genome import Genome
from kinelog.ml.training_budget import epochs_run
from numpy.typing import NDArray


class FitJobError(ValueError):
    """A fit that cannot be asked for.

    Attributes:
        field: Name of the field at fault.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        super().__init__(f"{field}: {reason}")


@dataclass(frozen=True, eq=False, slots=True)
class Targets:
    """What there is to learn of each example; shared by all fits of one data set.

    Attributes:
        labels: `(examples,)` number of the coarse label.
        fine: `(examples,)` number of the finest label.
        groups: `(fine labels,)` the coarse label that a fine one belongs to.
        label_count: Number of coarse labels, those that no example has included.
        auxiliary: `(examples,)` number of the muscle group, -1 where unknown; None if nothing is known.
        weights: `(examples,)` what an example counts; None for all the same.
    """

    labels: NDArray[np.int64]
    fine: NDArray[np.int64]
    groups: NDArray[np.int64]
    label_count: int
    auxiliary: NDArray[np.int64] | None = None
    weights: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that name nothing.

        Raises:
            FitJobError: Lengths differ, or a number is out of range.
        """
        _within("labels", self.labels, self.label_count)
        _within("fine", self.fine, len(self.groups))
        _within("groups", self.groups, self.label_count)
        if len(self.fine) != len(self.labels) or (self.groups[self.fine] != self.labels).any():
            raise FitJobError("fine", "each example's fine label belongs to its label")
        for field, values in (("auxiliary", self.auxiliary), ("weights", self.weights)):
            if values is not None and len(values) != len(self.labels):
                raise FitJobError(field, f"{len(values)} for {len(self.labels)} examples")
        if self.weights is not None and not (np.isfinite(self.weights) & (self.weights >= 0)).all():
            raise FitJobError("weights", "finite and not negative")


@dataclass(frozen=True, eq=False, slots=True)
class FitJob:
    """One fit: a genome on some of the examples.

    Attributes:
        genome: What to train.
        windows: `(windows, 50, 3 * sites)` int16 milli-g with gravity, one or several an example. Jobs that pass the
            same array share what is computed from it.
        example_of: `(windows,)` which example a window belongs to.
        targets: Of all examples.
        train: The examples to train on.
        sites: Names, in the order of the columns.
        fold: Part of what chance depends on.
        seed: Of the night; with the genome's own and the fold all that chance depends on.
    """

    genome: Genome
    windows: NDArray[np.int16]
    example_of: NDArray[np.int64]
    targets: Targets
    train: NDArray[np.int64]
    sites: tuple[str, ...]
    fold: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained on.

        Raises:
            FitJobError: Shapes do not fit, or an example to train on has no window.
        """
        shape = (len(self.example_of), 50, 3 * len(self.sites))
        if self.windows.dtype != np.int16 or self.windows.shape != shape:
            raise FitJobError("windows", f"int16 {shape}, not {self.windows.dtype} {self.windows.shape}")
        _within("example_of", self.example_of, len(self.targets.labels))
        if not len(self.train):
            raise FitJobError("train", "no example")
        if len(np.unique(self.train)) != len(self.train):
            raise FitJobError("train", "an example is there twice")
        if missing := np.setdiff1d(self.train, self.example_of).tolist():
            raise FitJobError("train", f"no window of examples {missing[:5]}")

    def epochs(self) -> int:
        """Epochs that are run: the genome's, or fewer of many examples."""
        return epochs_run(self.genome.epochs, len(self.train))

    def outputs(self) -> NDArray[np.int64]:
        """`(examples,)` which output of the network is right."""
        return self.targets.fine if self.genome.fine_labels else self.targets.labels

    def output_count(self) -> int:
        """Outputs of the network."""
        return len(self.targets.groups) if self.genome.fine_labels else self.targets.label_count

    def auxiliary_count(self) -> int:
        """Outputs of the auxiliary head; 0 for none."""
        known = self.targets.auxiliary
        return 0 if known is None or not self.genome.auxiliary else max(0, int(known.max(initial=-1)) + 1)


@dataclass(frozen=True, eq=False, slots=True)
class LayerWeights:
    """One trained layer, in the order of the device's file.

    Attributes:
        kind: `conv` over time or `dense`.
        activation: Of its outputs; `softmax` for the last one.
        weights: `(outputs, 1 + inputs)` float32: bias, then the inputs; of a convolution by position, then channel.
        kernel: Rows that a convolution sees; 0 for a dense layer.
        stride: Rows between its positions; 0 for a dense layer.
    """

    kind: Literal["conv", "dense"]
    activation: str
    weights: NDArray[np.float32]
    kernel: int = 0
    stride: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class Normalisation:
    """What inputs were normalised by in training: `(input - mean) * scale`, float32.

    Attributes:
        raw_mean: `(3 * sites,)` of each column of the window, or empty.
        raw_scale: One over the spread.
        feature_mean: `(features,)`, or empty.
        feature_scale: One over the spread.
    """

    raw_mean: NDArray[np.float32]
    raw_scale: NDArray[np.float32]
    feature_mean: NDArray[np.float32]
    feature_scale: NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class FitResult:
    """A trained network, before normalisation is folded into it.

    Attributes:
        status: `nan` if anything in it is not finite: then it has no layers.
        layers: First to last, without auxiliary heads.
        normalisation: Of its inputs.
        curve: `(epochs,)` mean loss of each epoch.
    """

    status: Literal["ok", "nan"]
    layers: tuple[LayerWeights, ...]
    normalisation: Normalisation
    curve: NDArray[np.float32]


def _within(field: str, numbers: NDArray[np.int64], count: int) -> None:
    if len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < count:
        raise FitJobError(field, f"numbers are within 0 to {count - 1}")
