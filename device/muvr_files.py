"""A model as the three files that the muvr app reads: `layers.txt`, `labels.txt`, `weights.raw`.

Those files can say dense layers and nothing else: what they cannot say is refused, not left out. Two things are folded
or lost knowingly: the temperature goes into the last layer's weights; the threshold for "unknown" has no place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from kinelog.device.layers import Activation, Dense, FrontEnd
from kinelog.device.model import ModelBlob
from numpy.typing import NDArray

ACTIVATION_NAMES: Final = {
    Activation.LINEAR: "id",
    Activation.RELU: "relu",
    Activation.LOGISTIC: "logistic",
    Activation.SOFTMAX: "softmax",
    Activation.TANH: "tanh",
}


class MuvrRefusedError(ValueError):
    """The files cannot say this model.

    Attributes:
        reason: What they have no word for.
    """

    def __init__(self, reason: str) -> None:
        """Remember why."""
        super().__init__(f"no muvr files: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class MuvrFiles:
    """The contents of the three files.

    Attributes:
        layers_txt: `size activation` of the inputs and of each layer.
        labels_txt: One label a line, in the order of the outputs.
        weights_raw: float32 little-endian; per layer one row per output, the bias first.
    """

    layers_txt: str
    labels_txt: str
    weights_raw: bytes

    def write(self, folder: Path) -> None:
        """Write the three files into a folder that exists.

        Raises:
            OSError: The folder does not take them.
        """
        (folder / "layers.txt").write_text(self.layers_txt, encoding="utf-8")
        (folder / "labels.txt").write_text(self.labels_txt, encoding="utf-8")
        (folder / "weights.raw").write_bytes(self.weights_raw)


def muvr_files(blob: ModelBlob, labels: Sequence[str]) -> MuvrFiles:
    """The files of a model.

    Args:
        blob: A model of one site that sees the raw window through dense layers, with an output for each label.
        labels: Names of the labels, in order of their numbers.

    Raises:
        MuvrRefusedError: The files have no way to say this model, or these labels.
    """
    _refuse_what_cannot_be_said(blob, labels)
    dense = blob.dense
    words = [f"{dense[0].inputs} {ACTIVATION_NAMES[Activation.LINEAR]}"]
    words += [f"{layer.outputs} {ACTIVATION_NAMES[layer.activation]}" for layer in dense]
    weights = [*(layer.weights for layer in dense[:-1]), _tempered(dense[-1], blob.temperature)]
    return MuvrFiles(
        " ".join(words) + "\n",
        "".join(f"{labels[label]}\n" for label in blob.group),
        b"".join(np.ascontiguousarray(matrix, dtype="<f4").tobytes() for matrix in weights),
    )


def _refuse_what_cannot_be_said(blob: ModelBlob, labels: Sequence[str]) -> None:
    if blob.front_end != FrontEnd.RAW:
        raise MuvrRefusedError("they know no front end; the model sees features")
    if blob.convolutions:
        raise MuvrRefusedError("they know dense layers only; the model has a convolution")
    if blob.sites != 1 or blob.masked:
        raise MuvrRefusedError(f"the app gives the samples of one site; the model sees {blob.sites}, or a mask of them")
    if sorted(blob.group) != list(range(blob.outputs)):
        raise MuvrRefusedError("they know one output a label; the model adds several up")
    if len(labels) != blob.labels:
        raise MuvrRefusedError(f"labels: {len(labels)} names for {blob.labels} labels")
    for label in labels:
        if not label or len(label.splitlines()) != 1 or label != label.strip() or labels.count(label) > 1:
            raise MuvrRefusedError(f"labels: {label!r} cannot stand on a line of its own, once")


def _tempered(last: Dense, temperature: float) -> NDArray[np.float32]:
    """The last layer with its sums divided by the temperature, which the softmax behind it then does not need."""
    tempered: NDArray[np.float64] = last.weights.astype(np.float64) / float(np.float32(temperature))
    return tempered.astype(np.float32)
