"""Bytes read as a model: every rule of the format is checked here, in the order in which the bytes come."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from kinelog.device import blob_format as fmt
from kinelog.device.blob_format import OFFSETS, BlobError
from kinelog.device.features import FEATURES_PER_SITE
from kinelog.device.layers import AXES, RATE_HZ, WINDOW, Activation, Conv1D, Dense, FrontEnd, Layer
from kinelog.device.model import ModelBlob, Vector, first_dense_inputs
from numpy.typing import NDArray

_DISTRIBUTION_SLACK = 1e-4


class _Header(NamedTuple):
    magic: bytes
    schema: int
    front_end: int
    layout: int
    window: int
    rate_hz: int
    unit: int
    sites: int
    features_per_site: int
    flags: int
    layers: int
    outputs: int
    labels: int
    vectors: int
    reserved: int
    temperature: float
    abstain_below: float
    weights_bytes: int
    vectors_bytes: int
    total_bytes: int
    reserved_too: int


@dataclass(frozen=True, slots=True)
class _Shape:
    """A line of the layer table."""

    kind: int
    activation: Activation
    outputs: int
    kernel: int
    stride: int
    inputs: int

    @property
    def row(self) -> int:
        return 1 + self.inputs * (self.kernel if self.kind == fmt.CONV else 1)


def read_blob(data: bytes) -> ModelBlob:
    """The model that bytes hold.

    Raises:
        BlobError: With the first field, in the order of the bytes, that breaks a rule.
    """
    header = _header(data)
    shapes = _layer_table(data, header)
    at = fmt.HEADER.size + fmt.LAYER.size * header.layers
    group = _group(data, header, at)
    at += fmt.group_bytes(header.outputs)
    layers = _weights(data, shapes, at)
    vectors = _vectors(data, header, at + header.weights_bytes)
    return ModelBlob(
        FrontEnd(header.front_end),
        header.sites,
        layers,
        group,
        header.temperature,
        header.abstain_below,
        bool(header.flags & fmt.MASKED),
        vectors,
    )


def _header(data: bytes) -> _Header:
    if len(data) < fmt.HEADER.size:
        raise BlobError("header", len(data), f"ends before the {fmt.HEADER.size} bytes of a header")
    if len(data) > fmt.MAX_BLOB_BYTES:
        raise BlobError("total_bytes", OFFSETS["total_bytes"], f"{len(data)} bytes are more than {fmt.MAX_BLOB_BYTES}")
    header = _Header._make(fmt.HEADER.unpack_from(data))
    features = 0 if header.front_end == FrontEnd.RAW else FEATURES_PER_SITE
    _exactly(header, "magic", fmt.MAGIC)
    _exactly(header, "schema", fmt.SCHEMA)
    _within(header, "front_end", 0, max(FrontEnd))
    _exactly(header, "layout", fmt.ROW_INTERLEAVED)
    _exactly(header, "window", WINDOW)
    _exactly(header, "rate_hz", RATE_HZ)
    _exactly(header, "unit", fmt.MILLI_G)
    _within(header, "sites", 1, fmt.MAX_SITES)
    _exactly(header, "features_per_site", features)
    _within(header, "flags", 0, fmt.MASKED)
    _within(header, "layers", 1, fmt.MAX_LAYERS)
    _within(header, "outputs", 1, fmt.MAX_OUTPUTS)
    _within(header, "labels", 1, header.outputs)
    _within(header, "vectors", fmt.MIN_VECTORS, fmt.MAX_VECTORS)
    _exactly(header, "reserved", 0)
    _within(header, "temperature", *(float(np.float32(bound)) for bound in fmt.TEMPERATURES))
    _within(header, "abstain_below", 0.0, 1.0)
    _within(header, "weights_bytes", 4, fmt.MAX_WEIGHTS_BYTES)
    one_vector = fmt.vector_bytes(WINDOW, header.sites, header.outputs, header.labels)
    _exactly(header, "vectors_bytes", header.vectors * one_vector)
    parts = fmt.HEADER.size + fmt.LAYER.size * header.layers + fmt.group_bytes(header.outputs)
    _exactly(header, "total_bytes", parts + header.weights_bytes + header.vectors_bytes)
    if header.total_bytes != len(data):
        raise BlobError("total_bytes", OFFSETS["total_bytes"], f"says {header.total_bytes}, there are {len(data)}")
    if header.reserved_too:
        raise BlobError("reserved", fmt.HEADER.size - 4, f"is {header.reserved_too}, not 0")
    return header


def _exactly(header: _Header, field: str, expected: object) -> None:
    found = getattr(header, field)
    if found != expected:
        raise BlobError(field, OFFSETS[field], f"is {found!r}, not {expected!r}")


def _within(header: _Header, field: str, lowest: float, highest: float) -> None:
    found = getattr(header, field)
    if not lowest <= found <= highest:
        raise BlobError(field, OFFSETS[field], f"is {found:g}, not {lowest:g} to {highest:g}")


def _layer_table(data: bytes, header: _Header) -> list[_Shape]:
    shapes: list[_Shape] = []
    rows = WINDOW
    for number in range(header.layers):
        at = fmt.HEADER.size + fmt.LAYER.size * number
        shape = _shape(data, header, at, last=number == header.layers - 1)
        before = shapes[-1] if shapes else None
        if shape.kind == fmt.CONV:
            rows = _rows_behind(shape, header, before, rows, at)
        elif shape.inputs != (expected := _dense_inputs(header, before)):
            raise BlobError(f"layer {number} inputs", at + 8, f"is {shape.inputs}, not {expected}")
        shapes.append(shape)
    size = 4 * sum(shape.outputs * shape.row for shape in shapes)
    if size != header.weights_bytes:
        raise BlobError("weights_bytes", OFFSETS["weights_bytes"], f"is {header.weights_bytes}, the layers have {size}")
    return shapes


def _shape(data: bytes, header: _Header, at: int, *, last: bool) -> _Shape:
    kind, activation, outputs, kernel, stride, inputs = fmt.LAYER.unpack_from(data, at)
    number = (at - fmt.HEADER.size) // fmt.LAYER.size
    checks = [
        (kind in {fmt.DENSE, fmt.CONV}, "kind", 0, kind),
        (kind == fmt.DENSE or not last, "kind", 0, "a convolution as the last layer"),
        (activation <= max(Activation), "activation", 1, activation),
        ((activation == Activation.SOFTMAX) == last, "activation", 1, f"{activation}, softmax is the last layer's"),
        (1 <= outputs <= fmt.MAX_WIDTH, "outputs", 2, outputs),
        (not last or outputs == header.outputs, "outputs", 2, f"{outputs}, the header says {header.outputs}"),
        (1 <= kernel <= WINDOW if kind == fmt.CONV else kernel == 0, "kernel", 4, kernel),
        (1 <= stride <= WINDOW if kind == fmt.CONV else stride == 0, "stride", 6, stride),
    ]
    for holds, field, offset, found in checks:
        if not holds:
            raise BlobError(f"layer {number} {field}", at + offset, f"is {found}")
    return _Shape(kind, Activation(activation), outputs, kernel, stride, inputs)


def _rows_behind(shape: _Shape, header: _Header, before: _Shape | None, rows: int, at: int) -> int:
    number = (at - fmt.HEADER.size) // fmt.LAYER.size
    if header.front_end == FrontEnd.FEATURES or (before is not None and before.kind == fmt.DENSE):
        raise BlobError(f"layer {number} kind", at, "is a convolution that does not see the raw window")
    channels = AXES * header.sites if before is None else before.outputs
    if shape.inputs != channels:
        raise BlobError(f"layer {number} inputs", at + 8, f"is {shape.inputs}, not {channels}")
    if shape.kernel > rows:
        raise BlobError(f"layer {number} kernel", at + 4, f"is {shape.kernel}, longer than the {rows} rows before it")
    return (rows - shape.kernel) // shape.stride + 1


def _dense_inputs(header: _Header, before: _Shape | None) -> int:
    if before is not None and before.kind == fmt.DENSE:
        return before.outputs
    filters = None if before is None else before.outputs
    masked = bool(header.flags & fmt.MASKED)
    return first_dense_inputs(FrontEnd(header.front_end), header.sites, filters, masked=masked)


def _group(data: bytes, header: _Header, at: int) -> tuple[int, ...]:
    group = np.frombuffer(data, "<u2", header.outputs, at)
    for output, label in enumerate(group.tolist()):
        if label >= header.labels:
            raise BlobError(f"group of output {output}", at + 2 * output, f"is {label} of {header.labels} labels")
    missing = sorted(set(range(header.labels)) - set(group.tolist()))
    if missing:
        raise BlobError("group", at, f"no output stands for label {missing[0]}")
    padding = at + 2 * header.outputs
    if any(data[padding : at + fmt.group_bytes(header.outputs)]):
        raise BlobError("group", padding, "is not filled with zeros")
    return tuple(group.tolist())


def _weights(data: bytes, shapes: list[_Shape], at: int) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for number, shape in enumerate(shapes):
        flat = _floats(data, shape.outputs * shape.row, at, f"layer {number} weights")
        weights = flat.reshape(shape.outputs, shape.row)
        if shape.kind == fmt.CONV:
            layers.append(Conv1D(weights, shape.kernel, shape.stride, shape.activation))
        else:
            layers.append(Dense(weights, shape.activation))
        at += 4 * flat.size
    return tuple(layers)


def _floats(data: bytes, count: int, at: int, field: str) -> NDArray[np.float32]:
    values = np.frombuffer(data, "<f4", count, at).astype(np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        first = int(np.argmin(finite))
        raise BlobError(field, at + 4 * first, f"is {values[first]}, not a number that can be reckoned with")
    return values


def _vectors(data: bytes, header: _Header, at: int) -> tuple[Vector, ...]:
    size = fmt.vector_bytes(WINDOW, header.sites, header.outputs, header.labels)
    return tuple(_vector(data, header, at + size * number, f"vector {number}") for number in range(header.vectors))


def _vector(data: bytes, header: _Header, at: int, name: str) -> Vector:
    present, decision = fmt.VECTOR_HEAD.unpack_from(data, at)
    everywhere = (1 << header.sites) - 1
    if not 0 < present <= everywhere or not (header.flags & fmt.MASKED or present == everywhere):
        raise BlobError(f"{name} present", at, f"is {present:#x}, which this model cannot be asked with")
    if not -1 <= decision < header.labels:
        raise BlobError(f"{name} decision", at + 2, f"is {decision} of {header.labels} labels")
    columns = AXES * header.sites
    window = np.frombuffer(data, "<i2", WINDOW * columns, at + 4).astype(np.int16).reshape(WINDOW, columns)
    at += fmt.VECTOR_HEAD.size + 2 * window.size
    logits = _floats(data, header.outputs, at, f"{name} logits")
    at += 4 * header.outputs
    probabilities = _floats(data, header.labels, at, f"{name} probabilities")
    total = float(probabilities.sum(dtype=np.float64))
    if probabilities.min() < 0 or math.fabs(total - 1) > _DISTRIBUTION_SLACK:
        raise BlobError(f"{name} probabilities", at, f"add up to {total:g} with a least of {probabilities.min():g}")
    return Vector(present, window, logits, probabilities, decision)
