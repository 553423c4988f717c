"""The manifest of a model: what a phone must know to feed it, believe it and name its answers.

What is signed, hashed for its ETag and served is one sequence of bytes, made once by `manifest_bytes`: JSON with sorted
members, no white space, UTF-8, and floats in the shortest form that reads back to the same number. Nobody ever encodes
a manifest a second time; whoever checks one checks the bytes that arrived.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeVar

import msgspec
from kinelog.registry.errors import ManifestError, ScopeError, SizeError
from kinelog.registry.scope import Scope

NAME = "setup-movement"
MANIFEST_BYTES = 1 << 18
"""No manifest is longer; a phone stops reading here."""

BLOB_BYTES = 49_152
"""No blob is longer."""

WEIGHT_ORDER = (
    "per dense layer: one row per output, [bias, weights of the inputs]; "
    "per conv1d layer: one row per filter, [bias, kernel position-major, channels within a position]"
)

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Version = Annotated[int, msgspec.Meta(ge=1)]
Form = TypeVar("Form", bound=msgspec.Struct)
Metric = float | int | str
"""What a metric may be: a figure, or a word about how it was come by."""


class ManifestInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a window is.

    Attributes:
        rate_hz: Samples a second.
        window: Samples in a window.
        unit: Of a sample: thousandths of g, gravity included.
        layout: How samples lie behind one another: one row an instant, in it x, y, z of each sensor in turn.
        front_end: What goes into the network: `raw` samples, `features/1`, or `raw+features/1`.
        site_mask: Whether one input a sensor follows, 1 if it is worn and 0 if not; then sensors may be missing.
    """

    rate_hz: int
    window: int
    unit: Literal["mg"] = "mg"
    layout: Literal["row-interleaved"] = "row-interleaved"
    front_end: str
    site_mask: bool = False


class ManifestLayer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One layer; `dense` or `conv1d` is given, never both.

    Attributes:
        dense: Outputs of a dense layer.
        conv1d: Filters of a convolution over time.
        kernel: Its width in samples.
        stride: Its step in samples.
        activation: `linear`, `relu`, `tanh`, `logistic` or `softmax`.
    """

    dense: int | None = None
    conv1d: int | None = None
    kernel: int | None = None
    stride: int | None = None
    activation: str = msgspec.field(default="")


class ManifestWeights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file that holds the weights, with everything else that a device needs.

    Attributes:
        sha256: Of the whole file; it is fetched under this name.
        bytes: Length of the whole file.
        order: How weights follow one another.
        dtype: Of a weight.
    """

    sha256: Sha256
    bytes: Annotated[int, msgspec.Meta(ge=1, le=BLOB_BYTES)]
    order: str = WEIGHT_ORDER
    dtype: Literal["float32-le"] = "float32-le"


class ManifestVector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the blob's test vectors again, so that nobody has to trust their own reading of the blob.

    Attributes:
        present: Which sensors are worn; bit 0 is the first of `sensors`.
        input: The window, three numbers a sensor and instant in the order of `input.layout`.
        logits: What comes out of the last layer before its softmax.
        output: Probability of each label.
        decision: The label, or None for `unknown`.
    """

    present: int
    input: tuple[int, ...]
    logits: tuple[float, ...]
    output: tuple[float, ...]
    decision: str | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A published model. Its aliases are not part of it: they move on while these bytes stay signed.

    Attributes:
        schema: Version of this form.
        name: What the model recognises.
        version: Grows with each publication for its scope, rollbacks included.
        previous: The version that it takes the place of; None for the first.
        restores: Version whose model it is, where it was brought back by a rollback.
        tenant: Whose it is; with cluster and sensors its scope.
        cluster: For which people.
        fitted_on: The cluster whose data it was fitted on: a parent, where `cluster` had too little.
        sensors: Names of the sensors in the order of the window.
        input: What a window is.
        labels: What it tells apart, in the order of its probabilities.
        groups: For each output of the last layer the place of its label: probabilities of one label are added up.
        temperature: Logits are divided by it before the softmax.
        abstain_below: If no label is as probable, the answer is `unknown`.
        layers: From input to output.
        weights: The blob.
        metrics: How good it is, on data that no selection saw; or how good that model is which `measured_model` among
            them names, which was fitted alike on less.
        dataset: `sha256:` and the hash of the data that it was fitted on.
        created: When it was published, RFC 3339 in UTC.
        test_vectors: Windows with what must come out.
    """

    schema: Literal["kinelog.model/1"] = "kinelog.model/1"
    name: str = NAME
    version: Version
    previous: Version | None = None
    restores: Version | None = None
    tenant: str
    cluster: str
    fitted_on: str
    sensors: tuple[str, ...]
    input: ManifestInput
    labels: tuple[Label, ...]
    groups: tuple[int, ...]
    temperature: float
    abstain_below: float
    layers: tuple[ManifestLayer, ...]
    weights: ManifestWeights
    metrics: dict[str, Metric]
    dataset: str
    created: str
    test_vectors: tuple[ManifestVector, ...]

    @property
    def scope(self) -> Scope:
        """What it is for.

        Raises:
            ScopeError: Its names are none.
        """
        return Scope(self.tenant, self.cluster, self.sensors)


class ManifestDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What whoever fitted a model has to say of it; everything else of a manifest comes from blob, scope and store.

    Attributes: as in `Manifest`.
    """

    name: str = NAME
    fitted_on: str
    labels: tuple[Label, ...]
    metrics: dict[str, Metric]
    dataset: str


def draft_bytes(draft: ManifestDraft) -> bytes:
    """A draft as a store keeps it with a challenger.

    Raises:
        ManifestError: A metric is not finite.
    """
    _require_finite_metrics(draft.metrics)
    return msgspec.json.encode(draft, order="sorted")


def read_draft(data: bytes) -> ManifestDraft:
    """The draft in these bytes.

    Raises:
        ManifestError: It is none; the field is named.
    """
    return _decoded(data, ManifestDraft)


def manifest_bytes(manifest: Manifest) -> bytes:
    """The one sequence of bytes that is signed and served.

    Raises:
        ManifestError: A number is not finite, which JSON cannot say.
        SizeError: It would be longer than a manifest may be.
    """
    # msgspec writes NaN as null: a reader would take it for "not given".
    _require_finite(manifest)
    encoded = msgspec.json.encode(manifest, order="sorted")
    _require_size(encoded)
    return encoded


def read_manifest(data: bytes) -> Manifest:
    """The manifest in these bytes, whose form is right; whether it is true `check_manifest` finds out.

    Raises:
        ManifestError: It is none; the field is named.
        SizeError: It is longer than a manifest may be.
    """
    _require_size(data)
    manifest = _decoded(data, Manifest)
    _require_scope(manifest)
    _require_finite(manifest)
    return manifest


def _decoded(data: bytes, kind: type[Form]) -> Form:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        reason, _, where = str(error).partition(" - at `$.")
        raise ManifestError(where.rstrip("`") or "manifest", reason) from error


def _require_scope(manifest: Manifest) -> None:
    try:
        Scope(manifest.tenant, manifest.cluster, manifest.sensors)
    except ScopeError as error:
        raise ManifestError(error.field, error.reason) from error


def _require_size(data: bytes) -> None:
    if len(data) > MANIFEST_BYTES:
        raise SizeError("manifest", f"{len(data)} bytes, at most {MANIFEST_BYTES}")


def _require_finite(manifest: Manifest) -> None:
    _require_finite_metrics(manifest.metrics)
    figures = [("temperature", manifest.temperature), ("abstain_below", manifest.abstain_below)]
    for number, vector in enumerate(manifest.test_vectors):
        figures += [(f"test_vectors[{number}]", value) for value in (*vector.logits, *vector.output)]
    for field, value in figures:
        _require_number(field, value)


def _require_finite_metrics(metrics: dict[str, Metric]) -> None:
    for name, value in metrics.items():
        if isinstance(value, float):
            _require_number(f"metrics.{name}", value)


def _require_number(field: str, value: float) -> None:
    if not math.isfinite(value):
        raise ManifestError(field, f"{value} is no number that JSON can say")
