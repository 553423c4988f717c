"""A candidate of the nightly fit: everything that is needed to train its network again, as one value.

What a genome's network weighs and costs on a device is in `device/cost.py`; this module says what a genome is,
what it is called, when it is invalid and which genomes may train together.
"""

from __future__ import annotations

import hashlib
import math
from typing import Literal, TypeAlias

import msgspec
from kinelog.device.blob_format import MAX_BLOB_BYTES, MAX_OUTPUTS, MAX_WEIGHTS_BYTES
from kinelog.ml.network_size import NetworkShape, device_shape, net_outputs, windows_too_short

FrontEnd: TypeAlias = Literal["raw", "features", "both"]
Activation: TypeAlias = Literal["relu", "tanh", "logistic"]
Optimiser: TypeAlias = Literal["adam", "momentum"]

ROTATION_LIMIT_DEG = 20.0
"""Gravity is the best single cue there is: a larger rotation would train it away."""

EARLIEST_END_MS, LATEST_END_MS, END_STEP_MS = -2000, 1000, 250


class Convolution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One convolution over time: valid padding, all channels.

    Attributes:
        filters: Outputs a position.
        kernel: Rows that a filter sees.
        stride: Rows between two positions.
    """

    filters: int
    kernel: int
    stride: int


class Genome(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A network and its training recipe.

    Attributes:
        ends_ms: Where training windows end, relative to the labelled start; 1000 is the first second of the set.
        jitter_ms: Windows are shifted by up to this much either way.
        front_end: What the network sees: the raw window, its features, or both.
        conv: Convolutions over the raw window; after the last one, the mean over time is taken.
        dense: Widths of the hidden dense layers.
        activation: Of every hidden layer.
        dropout: Share of hidden units left out at each step.
        weight_decay: Decoupled decay: what a weight loses a step, times the learning rate.
        label_smoothing: Share of the target that is spread over all outputs.
        rotation_deg: Training windows are rotated by up to this angle, each sensor about an axis of its own.
        noise_mg: Standard deviation of the noise added to each sample.
        thinned: Share of the training windows that are seen as from a sensor of 10 to 33 Hz, or with a packet lost.
        input_noise: Standard deviation of the noise added to each normalised input of the first dense layer, at every
            step anew: 0.5 is half of what an input varies by.
        mirror: Half of the training windows are seen as from the other wrist.
        fine_labels: Trained on the finest labels known, which are summed to the coarse ones at the output.
        auxiliary: A second head learns the muscle group; it is dropped at export.
        masked: One network for every subset of the sensors: absent ones are zeros, and a flag says so.
        optimiser: `adam`, or `momentum` (Nesterov's).
        learning_rate: At its highest; it falls to nothing along a cosine.
        epochs: Passes over the examples.
        batch_size: Examples a step.
        seed: Of the initial weights, the order of examples, dropout and augmentation.
    """

    ends_ms: tuple[int, ...] = (1000,)
    jitter_ms: int = 0
    front_end: FrontEnd = "features"
    conv: tuple[Convolution, ...] = ()
    dense: tuple[int, ...] = (64,)
    activation: Activation = "relu"
    dropout: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    rotation_deg: float = 0.0
    noise_mg: float = 0.0
    thinned: float = 0.0
    input_noise: float = 0.0
    mirror: bool = False
    fine_labels: bool = False
    auxiliary: bool = False
    masked: bool = False
    optimiser: Optimiser = "adam"
    learning_rate: float = 0.002
    epochs: int = 40
    batch_size: int = 32
    seed: int = 0


class GenomeFault(msgspec.Struct, frozen=True):
    """Why a genome is invalid.

    Attributes:
        field: Of the genome; `weights` or `cost` for what only all fields together decide.
        reason: In words, with the limit.
    """

    field: str
    reason: str


class InvalidGenomeError(ValueError):
    """A genome that cannot be trained or would not be allowed on a device.

    Attributes:
        faults: All that is wrong with it.
    """

    def __init__(self, genome: Genome, faults: tuple[GenomeFault, ...]) -> None:
        self.faults = faults
        super().__init__(f"genome {genome_id(genome)}: " + "; ".join(f"{f.field}: {f.reason}" for f in faults))


def genome_bytes(genome: Genome) -> bytes:
    """The genome as canonical JSON: keys sorted, every field present."""
    return msgspec.json.encode(genome, order="sorted")


def genome_from_bytes(data: bytes) -> Genome:
    """The genome written by `genome_bytes`.

    Raises:
        msgspec.ValidationError: If a field is missing its type, or is not known.
    """
    return msgspec.json.decode(data, type=Genome)


def genome_id(genome: Genome) -> str:
    """Name of a genome: 16 hex digits of the SHA-256 of its canonical JSON."""
    return hashlib.sha256(genome_bytes(genome)).hexdigest()[:16]


def check_genome(genome: Genome, shape: NetworkShape) -> tuple[GenomeFault, ...]:
    """All that is wrong with a genome for networks of this shape; nothing if it is valid."""
    faults = [*_window_faults(genome), *_layer_faults(genome), *_training_faults(genome)]
    if not faults:  # sizes of what is malformed mean nothing
        faults += _device_faults(genome, shape)
    return tuple(faults)


def require_valid(genome: Genome, shape: NetworkShape) -> None:
    """Refuse an invalid genome.

    Raises:
        InvalidGenomeError: With everything that is wrong.
    """
    if faults := check_genome(genome, shape):
        raise InvalidGenomeError(genome, faults)


def shape_key(genome: Genome) -> str:
    """Genomes with the same key may train as one batched model (on sites and labels that are the same)."""
    conv = ",".join(f"{layer.filters}x{layer.kernel}/{layer.stride}" for layer in genome.conv)
    dense = ",".join(map(str, genome.dense))
    heads = f"{'fine' if genome.fine_labels else 'coarse'}{'+auxiliary' if genome.auxiliary else ''}"
    masked = "masked" if genome.masked else "whole"
    net = f"{genome.front_end} c[{conv}] d[{dense}] {genome.activation} {heads} {masked}"
    return f"{net} {genome.optimiser} b{genome.batch_size}"


def fits_muvr_format(genome: Genome) -> bool:
    """Whether the old app's files can hold this network: dense layers on the raw window, one output a label."""
    plain = not genome.conv and not genome.masked and not genome.fine_labels
    return genome.front_end == "raw" and plain


def _within(genome: Genome, field: str, low: float, high: float) -> list[GenomeFault]:
    value = getattr(genome, field)
    if math.isfinite(value) and low <= value <= high:
        return []
    return [GenomeFault(field, f"{value} is not within {low} to {high}")]


def _sixteens(genome: Genome) -> list[GenomeFault]:
    # a network's slice of a batch then never ends within a vector register: see stacked_network.py
    return [] if genome.batch_size % 16 == 0 else [GenomeFault("batch_size", "a multiple of 16")]


def _window_faults(genome: Genome) -> list[GenomeFault]:
    faults = _within(genome, "jitter_ms", 0, 1000)
    ends = genome.ends_ms
    if not ends or list(ends) != sorted(set(ends)):
        faults.append(GenomeFault("ends_ms", "wants at least one end, rising, none twice"))
    if any(not EARLIEST_END_MS <= end <= LATEST_END_MS or end % END_STEP_MS for end in ends):
        limits = f"{EARLIEST_END_MS} to {LATEST_END_MS} ms"
        faults.append(GenomeFault("ends_ms", f"each end lies at a multiple of {END_STEP_MS} ms from {limits}"))
    return faults


def _layer_faults(genome: Genome) -> list[GenomeFault]:
    faults = []
    if len(genome.dense) > 3 or any(not 4 <= width <= 256 for width in genome.dense):
        faults.append(GenomeFault("dense", "at most 3 hidden layers of 4 to 256 units"))
    if genome.conv and genome.front_end == "features":
        faults.append(GenomeFault("conv", "convolutions need the raw window"))
    if len(genome.conv) > 3 or any(not 2 <= layer.filters <= 64 for layer in genome.conv):
        faults.append(GenomeFault("conv", "at most 3 convolutions of 2 to 64 filters"))
    if any(layer.stride < 1 or not layer.stride <= layer.kernel <= 25 for layer in genome.conv):
        faults.append(GenomeFault("conv", "kernels of at most 25 rows, strides from 1 to the kernel"))
    elif windows_too_short(genome):
        faults.append(GenomeFault("conv", "the window is too short for these kernels and strides"))
    return faults


def _training_faults(genome: Genome) -> list[GenomeFault]:
    return [
        *_within(genome, "dropout", 0, 0.75),
        *_within(genome, "weight_decay", 0, 10),
        *_within(genome, "label_smoothing", 0, 0.5),
        *_within(genome, "rotation_deg", 0, ROTATION_LIMIT_DEG),
        *_within(genome, "noise_mg", 0, 200),
        *_within(genome, "thinned", 0, 1),
        *_within(genome, "input_noise", 0, 2),
        *_within(genome, "learning_rate", 1e-5, 0.3),
        *_within(genome, "epochs", 1, 400),
        *_within(genome, "batch_size", 16, 512),
        *_sixteens(genome),
        *_within(genome, "seed", 0, 2**63 - 1),
    ]


def _device_faults(genome: Genome, shape: NetworkShape) -> list[GenomeFault]:
    faults = []
    on_device, outputs = device_shape(genome, shape), net_outputs(genome, shape)
    if outputs > MAX_OUTPUTS:
        faults.append(GenomeFault("fine_labels", f"{outputs} outputs are more than {MAX_OUTPUTS}"))
    if on_device.weights_bytes > MAX_WEIGHTS_BYTES:
        faults.append(GenomeFault("weights", f"{on_device.weights_bytes} bytes are more than {MAX_WEIGHTS_BYTES}"))
    elif on_device.blob_bytes > MAX_BLOB_BYTES:
        size = f"{on_device.blob_bytes} bytes with the fewest test vectors"
        faults.append(GenomeFault("weights", f"{size} are more than the {MAX_BLOB_BYTES} of a blob"))
    if on_device.relative_cost > 1:
        times = f"{on_device.relative_cost:.2f} times"
        faults.append(GenomeFault("cost", f"takes {times} as long as the naive 150-128-64 net"))
    return faults
