"""The C evaluator, built the way a phone's project would build it, and called from Python."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from kinelog.device.evaluation import Evaluation
from kinelog.device.features import FEATURES_PER_SITE
from kinelog.device.layers import AXES
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "device" / "c"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-ffp-contract=off")
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all")


def build(to: Path, sources: Sequence[Path], options: Sequence[str], compiler: str = "gcc") -> Path:
    """Compile and link; any warning is an error."""
    program = shutil.which(compiler)
    if program is None:
        pytest.fail(f"the device's evaluator is C, and {compiler} is not here (Debian: apt-get install gcc g++)")
    words = [program, *options, f"-I{SOURCES}", *map(str, sources), "-o", str(to), "-lm"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return to


@dataclass(frozen=True, slots=True)
class Said:
    """What the command said: exit code, lines, complaint."""

    code: int
    lines: list[str]
    complaint: str


@dataclass(frozen=True, slots=True)
class Command:
    """`kinelog_evaluate`, built with the sanitizers."""

    path: Path

    def __call__(self, *words: str | Path, rows: str = "") -> Said:
        done = subprocess.run([self.path, *words], input=rows, capture_output=True, text=True, check=False)
        return Said(done.returncode, done.stdout.splitlines(), done.stderr)


class _Layer(ctypes.Structure):
    _fields_ = (
        ("convolution", ctypes.c_uint8),
        ("activation", ctypes.c_uint8),
        ("outputs", ctypes.c_uint32),
        ("kernel", ctypes.c_uint32),
        ("stride", ctypes.c_uint32),
        ("inputs", ctypes.c_uint32),
        ("rows", ctypes.c_uint32),
        ("weights", ctypes.c_size_t),
    )


class _Model(ctypes.Structure):
    _fields_ = (
        ("blob", ctypes.c_void_p),
        ("front_end", ctypes.c_uint8),
        ("masked", ctypes.c_uint8),
        ("sites", ctypes.c_uint16),
        ("layers", ctypes.c_uint16),
        ("outputs", ctypes.c_uint16),
        ("labels", ctypes.c_uint16),
        ("vectors", ctypes.c_uint16),
        ("temperature", ctypes.c_float),
        ("abstain_below", ctypes.c_float),
        ("inputs", ctypes.c_uint32),
        ("widest", ctypes.c_uint32),
        ("group", ctypes.c_size_t),
        ("first_vector", ctypes.c_size_t),
        ("vector_bytes", ctypes.c_size_t),
        ("fault_at", ctypes.c_size_t),
        ("layer", _Layer * 8),
    )


class RefusedError(Exception):
    """What the C refused.

    Attributes:
        field: As the text of the error begins.
        offset: The byte at fault, where there is one.
    """

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.field = text.partition(":")[0]
        self.offset = offset


class Library:
    """The evaluator as a shared library."""

    def __init__(self, path: Path) -> None:
        self._c = ctypes.CDLL(str(path))
        self._c.kinelog_model_error_text.restype = ctypes.c_char_p
        self._c.kinelog_model_scratch_floats.restype = ctypes.c_size_t

    def text(self, error: int) -> str:
        said: bytes = self._c.kinelog_model_error_text(error)
        return said.decode()

    def open(self, data: bytes) -> OpenModel:
        """The model in these bytes, or what is wrong with them."""
        model = _Model()
        error = self._c.kinelog_model_open(ctypes.byref(model), data, ctypes.c_size_t(len(data)))
        if error:
            raise RefusedError(self.text(error), model.fault_at)
        return OpenModel(self, self._c, model, data)

    def features(self, windows: NDArray[np.int16]) -> NDArray[np.float32]:
        """As `kinelog.device.features.features`."""
        sites = windows.shape[2] // AXES
        result = np.empty((len(windows), sites, FEATURES_PER_SITE), np.float32)
        for number, window in enumerate(np.ascontiguousarray(windows)):
            for site in range(sites):
                self._c.kinelog_features(
                    ctypes.c_void_p(window.ctypes.data + 2 * AXES * site),
                    ctypes.c_size_t(AXES * sites),
                    ctypes.c_void_p(result[number, site].ctypes.data),
                )
        return result.reshape(len(windows), -1)


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model that the C found good."""

    library: Library
    c: ctypes.CDLL
    model: _Model
    data: bytes

    def evaluate(self, windows: NDArray[np.int16], present: int | None = None) -> Evaluation:
        """As `Evaluator.evaluate`, one call a window."""
        mask = (1 << self.model.sites) - 1 if present is None else present
        logits = np.empty((len(windows), self.model.outputs), np.float32)
        probabilities = np.empty((len(windows), self.model.labels), np.float32)
        decisions = np.empty(len(windows), np.int16)
        scratch = np.empty(self.c.kinelog_model_scratch_floats(ctypes.byref(self.model)), np.float32)
        for number, window in enumerate(np.ascontiguousarray(windows)):
            decision = ctypes.c_int()
            error = self.c.kinelog_model_evaluate(
                ctypes.byref(self.model),
                ctypes.c_void_p(window.ctypes.data),
                ctypes.c_uint32(mask),
                ctypes.c_void_p(scratch.ctypes.data),
                ctypes.c_void_p(logits[number].ctypes.data),
                ctypes.c_void_p(probabilities[number].ctypes.data),
                ctypes.byref(decision),
            )
            if error:
                raise RefusedError(self.library.text(error), 0)
            decisions[number] = decision.value
        return Evaluation(logits, probabilities, decisions)

    def verify_vectors(self) -> None:
        """Raises RefusedError with the number of the first vector that comes out otherwise as the offset."""
        scratch = np.empty(self.c.kinelog_model_scratch_floats(ctypes.byref(self.model)), np.float32)
        failed = ctypes.c_size_t()
        error = self.c.kinelog_model_verify_vectors(
            ctypes.byref(self.model), ctypes.c_void_p(scratch.ctypes.data), ctypes.byref(failed)
        )
        if error:
            raise RefusedError(self.library.text(error), failed.value)
