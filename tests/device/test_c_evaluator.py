"""The C evaluator computes what numpy computes, whatever window and shape, and refuses what numpy refuses."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.device.blob import BlobError, Dense, FrontEnd, ModelBlob, pack_blob, unpack_blob
from kinelog.device.evaluation import Evaluation, EvaluationError, Evaluator, check_vectors, with_vectors
from kinelog.device.features import features
from numpy.typing import NDArray

from tests.device.broken_blobs import BLOB, BODY_FAULTS, GROUP, HEADER_FAULTS, with_bytes, with_field, with_more_weights
from tests.device.built import SOURCES, STRICT, Command, Library, RefusedError, build
from tests.device.made_models import architectures, made_model, vectored, windows_that_hurt

TYPICAL = made_model(FrontEnd.BOTH, 1, [(6, 5, 2)], [16], outputs=12, labels=9)


def assert_same(ours: Evaluation, theirs: Evaluation) -> None:
    assert np.abs(ours.logits.astype(float) - theirs.logits).max() <= 1e-4
    assert np.abs(ours.probabilities.astype(float) - theirs.probabilities).max() <= 1e-5
    np.testing.assert_array_equal(ours.decision, theirs.decision)


@pytest.mark.parametrize("sites", [1, 3, 16])
def test_the_front_end_gives_the_very_bits_of_its_definition(library: Library, sites: int) -> None:
    windows = np.concatenate([windows_that_hurt(sites, seed) for seed in range(5)])
    np.testing.assert_array_equal(library.features(windows), features(windows))


@pytest.mark.parametrize("options", [("-O0",), ("-O3", "-march=native")])
def test_the_front_end_gives_the_same_bits_however_it_is_optimised(tmp_path: Path, options: tuple[str, ...]) -> None:
    other = Library(build(tmp_path / "lib.so", [SOURCES / "kinelog_model.c"], (*STRICT, *options, "-fPIC", "-shared")))
    windows = windows_that_hurt(2)
    np.testing.assert_array_equal(other.features(windows), features(windows))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_front_end_gives_the_very_bits_for_any_window(library: Library, data: st.DataObject) -> None:
    ends = data.draw(st.sampled_from([(-1, 1), (-30, 30), (-4095, 4095), (-32768, 32767)]))
    seed = data.draw(st.integers(0, 1 << 32))
    windows = np.random.default_rng(seed).integers(*ends, (4, 50, 3), np.int16, endpoint=True)
    np.testing.assert_array_equal(library.features(windows), features(windows))


@settings(max_examples=40, deadline=None)
@given(architectures(), st.integers(1, 3))
def test_a_model_of_any_shape_computes_what_numpy_computes(library: Library, model: ModelBlob, mask: int) -> None:
    data = pack_blob(vectored(model))
    present = min(mask, model.everywhere) if model.masked else None
    windows = windows_that_hurt(model.sites, seed=2)
    opened = library.open(data)
    opened.verify_vectors()
    assert_same(opened.evaluate(windows, present), Evaluator(unpack_blob(data)).evaluate(windows, present))


def test_a_packed_model_of_every_front_end_is_verified_and_evaluated_by_the_sanitized_command(
    command: Command, tmp_path: Path
) -> None:
    windows = windows_that_hurt(2)
    (tmp_path / "windows").write_bytes(windows.astype("<i2").tobytes())
    for front_end in FrontEnd:
        convolutions = [(4, 5, 2), (5, 3, 1)] if front_end != FrontEnd.FEATURES else []
        model = made_model(front_end, 2, convolutions, [7, 6], outputs=9, labels=4, masked=True)
        (tmp_path / "blob").write_bytes(pack_blob(model))
        assert command("verify", tmp_path / "blob").lines == ["ok: 2 sites, 9 outputs, 4 labels, 16 vectors"]
        for present in (1, 2, 3):
            said = command("evaluate", tmp_path / "blob", tmp_path / "windows", str(present))
            assert said.code == 0, said.complaint
            assert_same(printed(said.lines), Evaluator(model).evaluate(windows, present))


def printed(lines: list[str]) -> Evaluation:
    parts = [line.split(";") for line in lines]
    logits, probabilities = (np.array([part[at].split() for part in parts], np.float32) for at in (1, 2))
    return Evaluation(logits, probabilities, np.array([part[0] for part in parts], np.int16))


def test_numbers_far_out_are_summed_without_losing_digits(library: Library) -> None:
    """A still sensor's mean of 1000 mg, divided by a small deviation: large terms that nearly cancel."""
    model = made_model(FrontEnd.FEATURES, dense=[12], vectors=False)
    first = model.layers[0]
    assert isinstance(first, Dense)
    weights = first.weights * np.float32(300)
    windows = windows_that_hurt(1)[8:12]
    weights[:, 0] = -(features(windows[:1]) @ weights[:, 1:].T)[0]
    blob = replace(model, layers=(replace(first, weights=weights), *model.layers[1:]))
    assert_same(
        library.open(pack_blob(vectored(blob))).evaluate(windows),
        Evaluator(blob).evaluate(windows),
    )


@pytest.mark.parametrize("convolutions", [[], [(4, 5, 2)]])
def test_no_windows_are_no_answers(convolutions: list[tuple[int, int, int]]) -> None:
    said = Evaluator(made_model(FrontEnd.BOTH, 1, convolutions)).evaluate(np.zeros((0, 50, 3), np.int16))
    assert (said.logits.shape, said.probabilities.shape, said.decision.shape) == ((0, 5), (0, 3), (0,))


@pytest.mark.parametrize(
    "windows", [np.zeros((1, 50, 6), np.int16), np.zeros((50, 3), np.int16), np.zeros((1, 50, 3), np.float64)]
)
def test_windows_of_another_shape_or_type_are_refused(windows: NDArray[np.int16]) -> None:
    with pytest.raises(EvaluationError, match="windows"):
        Evaluator(made_model()).evaluate(windows)


def test_an_absent_site_may_hold_anything(library: Library) -> None:
    model = made_model(FrontEnd.BOTH, 2, masked=True)
    windows = windows_that_hurt(2)
    other = windows.copy()
    other[:, :, 3:] = 12345
    for said in (Evaluator(model), library.open(pack_blob(model))):
        np.testing.assert_array_equal(said.evaluate(windows, 1).logits, said.evaluate(other, 1).logits)
        assert not np.array_equal(said.evaluate(windows, 3).logits, said.evaluate(other, 3).logits)


@pytest.mark.parametrize("present", [0, 4, 1])
def test_sites_that_the_model_was_not_fitted_without_are_refused(library: Library, present: int) -> None:
    model = made_model(sites=2)
    with pytest.raises(EvaluationError, match="present"):
        Evaluator(model).evaluate(windows_that_hurt(2), present)
    with pytest.raises(RefusedError, match="present"):
        library.open(pack_blob(model)).evaluate(windows_that_hurt(2), present)


@pytest.mark.parametrize("present", [0, 4, 7])
def test_a_masked_model_wants_at_least_one_site_and_none_that_it_has_not(library: Library, present: int) -> None:
    model = made_model(sites=2, masked=True)
    with pytest.raises(EvaluationError, match="present"):
        Evaluator(model).evaluate(windows_that_hurt(2), present)
    with pytest.raises(RefusedError, match="present"):
        library.open(pack_blob(model)).evaluate(windows_that_hurt(2), present)
    data = bytearray(pack_blob(model))
    struct.pack_into("<H", data, len(data) - (4 + 600 + 4 * 8), present)  # the last vector's
    assert fault_of(unpack_blob, bytes(data)) == ("vector present", len(data) - 636)
    assert fault_of(library.open, bytes(data)) == ("vector present", len(data) - 636)


def test_an_unsure_model_says_unknown_and_a_sure_one_does_not(library: Library) -> None:
    windows = windows_that_hurt(1)[:16]  # those behind are so far out that the softmax is 1, which is not below 1
    for threshold, unknown in ((0.0, 0), (1.0, len(windows))):
        model = vectored(replace(made_model(), abstain_below=threshold))
        for said in (Evaluator(model), library.open(pack_blob(model))):
            assert int((said.evaluate(windows).decision == -1).sum()) == unknown


def test_outputs_are_added_up_into_labels_behind_the_temperature(library: Library) -> None:
    model = vectored(replace(made_model(outputs=5, labels=3), group=(2, 0, 2, 1, 0), temperature=2.5))
    windows = windows_that_hurt(1)
    said = library.open(pack_blob(model)).evaluate(windows)
    shares = np.exp(said.logits.astype(float) / 2.5)
    shares /= shares.sum(axis=1, keepdims=True)
    expected = np.stack([shares[:, 1] + shares[:, 4], shares[:, 3], shares[:, 0] + shares[:, 2]], axis=1)
    np.testing.assert_allclose(said.probabilities, expected, atol=1e-6)


def test_a_sum_that_runs_over_is_an_error_and_not_an_answer(library: Library) -> None:
    """The windows of the vectors are still, so the blob is good; a moving one runs over."""
    model = made_model(vectors=False)
    first = model.layers[0]
    assert isinstance(first, Dense)
    weights = np.full_like(first.weights, 2e38)
    weights[:, 0] = 0
    still = replace(model, layers=(replace(first, weights=weights), *model.layers[1:]))
    zeros = np.zeros((16, 50, 3), np.int16)
    said = Evaluator(still).evaluate(zeros)
    opened = library.open(pack_blob(with_vectors(still, zeros)))
    assert_same(opened.evaluate(zeros), said)
    moving = windows_that_hurt(1)
    with pytest.raises(EvaluationError, match="runs over"):
        Evaluator(still).evaluate(moving)
    with pytest.raises(RefusedError, match="runs over"):
        opened.evaluate(moving)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good blob with a few bytes or numbers changed, cut or grown."""
    data = bytearray(BLOB)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.one_of(st.integers(0, 140), st.integers(0, len(data) - 4)))
        code, values = draw(
            st.sampled_from(
                [
                    ("B", st.integers(0, 255)),
                    ("H", st.sampled_from([0, 1, 2, 3, 50, 255, 256, 1024, 32768, 65535])),
                    ("I", st.sampled_from([0, 4, 48, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, len(BLOB)])),
                    ("f", st.sampled_from([float("nan"), float("inf"), -1.0, 0.0, 1e38])),
                ]
            )
        )
        struct.pack_into("<" + code, data, at, draw(values))
    return bytes(data[: draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))])


def fault_of(read: Callable[[bytes], object], data: bytes) -> tuple[str, int | None] | None:
    """The field and byte that a reader refuses, or None. Where numpy counts layers and vectors, C does not."""
    try:
        read(data)
    except (BlobError, RefusedError) as error:
        return re.sub(r" \d+", "", error.field), error.offset
    return None


def test_c_and_numpy_name_the_same_fault_of_each_blob_that_breaks_one_rule(library: Library) -> None:
    broken = [with_field(*fault) for fault in HEADER_FAULTS]
    broken += [with_bytes(at, code, value) for at, code, value, _ in BODY_FAULTS]
    broken += [with_bytes(GROUP, "5H", 0, 0, 0, 2, 2), with_more_weights(), BLOB + b"\0", BLOB.ljust(50_000, b"\0")]
    for data in broken:
        found = fault_of(unpack_blob, data)
        assert found is not None
        assert found == fault_of(library.open, data)


@settings(max_examples=300, deadline=None)
@given(damaged())
def test_c_and_numpy_refuse_the_same_bytes_by_the_same_field(library: Library, data: bytes) -> None:
    assert fault_of(unpack_blob, data) == fault_of(library.open, data)


@pytest.mark.parametrize("part", ["logits", "probabilities", "decision"])
def test_a_vector_that_comes_out_otherwise_is_refused_by_both(
    library: Library, command: Command, part: str, tmp_path: Path
) -> None:
    first = TYPICAL.vectors[5]
    shifted = first.probabilities + np.array([2e-5, -2e-5, *[0] * 7], np.float32)
    changed = {
        "logits": replace(first, logits=first.logits + np.float32(2e-4)),
        "probabilities": replace(first, probabilities=shifted),
        "decision": replace(first, decision=8 if first.decision != 8 else 7),
    }[part]
    vectors = (*TYPICAL.vectors[:5], changed, *TYPICAL.vectors[6:])
    data = pack_blob(replace(TYPICAL, vectors=vectors))
    with pytest.raises(BlobError, match=f"vector 5 {part}"):
        check_vectors(unpack_blob(data))
    with pytest.raises(RefusedError, match=f"vector {part}"):
        library.open(data).verify_vectors()
    (tmp_path / "blob").write_bytes(data)
    (tmp_path / "windows").write_bytes(b"")
    assert command("evaluate", tmp_path / "blob", tmp_path / "windows").code == 65


def test_the_header_is_c_plus_plus_too(tmp_path: Path) -> None:
    user = tmp_path / "user.cpp"
    user.write_text(
        '#include "kinelog_model.h"\n'
        "int main() { kinelog_model model; return kinelog_model_open(&model, nullptr, 0) != KINELOG_MODEL_HEADER; }\n"
    )
    unit = build(tmp_path / "model.o", [SOURCES / "kinelog_model.c"], (*STRICT, "-c"))
    program = build(tmp_path / "user", [user, unit], ("-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"), "g++")
    assert subprocess.run([program], check=False).returncode == 0


def test_an_evaluator_with_other_arithmetic_cannot_be_built(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="IEEE arithmetic"):
        build(tmp_path / "fast.o", [SOURCES / "kinelog_model.c"], ("-std=c99", "-ffast-math", "-c"))
