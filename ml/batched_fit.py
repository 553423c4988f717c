"""Fits of one shape, trained together as one batched model.

A fit's result is the same, bit for bit, however many are trained beside it: all its chance comes from its own seed
(`candidate_chance.py`), and every operation treats each network alike wherever it lies (`stacked_network.py`). This
holds on one type of processor with one version of TensorFlow.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
from kinelog.ml.candidate_chance import Chance
from kinelog.ml.candidate_training import CandidateTraining
from kinelog.ml.epoch_data import epoch_data
from kinelog.ml.fit_job import FitJob, FitJobError, FitResult, LayerWeights
from kinelog.ml.genome import shape_key
from kinelog.ml.network_inputs import Pools
from kinelog.ml.stacked_network import StackShape
from kinelog.ml.stacked_training import ProgramCache, StackedProgram
from numpy.typing import NDArray

STACK_SIZES = (2, 5, 10, 20, 32)
"""Numbers of networks that programs are made for; a stack is filled up with copies of its first network.

Few, since a program costs a quarter of a second, and TensorFlow never gives back some 2 MB of each.
"""

PROGRAMS = ProgramCache()
_programs_in_use = threading.Lock()


def fit_batch(jobs: Sequence[FitJob]) -> list[FitResult]:
    """Train all jobs; results are in their order.

    Raises:
        FitJobError: If jobs are not of one shape: genomes with different keys, other sites, other labels.
    """
    _require_one_shape(jobs)
    pools = Pools()
    results: dict[int, FitResult] = {}
    # the longest together: a stack trains until its last network is done
    order = sorted(range(len(jobs)), key=lambda at: (-jobs[at].epochs(), -len(jobs[at].train)))
    for places in _chunks(order, STACK_SIZES[-1]):
        candidates = [CandidateTraining.of(jobs[at], pools.of(jobs[at])) for at in places]
        with _programs_in_use:  # a program's variables serve one stack at a time
            results.update(zip(places, _fit_stack(candidates), strict=True))
    return [results[at] for at in range(len(jobs))]


def _chunks(order: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _require_one_shape(jobs: Sequence[FitJob]) -> None:
    for job in jobs[1:]:
        if shape_key(job.genome) != shape_key(jobs[0].genome):
            raise FitJobError("genome", f"{shape_key(job.genome)} is not {shape_key(jobs[0].genome)}")
        if job.sites != jobs[0].sites:
            raise FitJobError("sites", f"{job.sites} are not {jobs[0].sites}")
        if job.output_count() != jobs[0].output_count() or job.auxiliary_count() != jobs[0].auxiliary_count():
            raise FitJobError("targets", "one call has one number of labels")


def _fit_stack(candidates: list[CandidateTraining]) -> list[FitResult]:
    wanted = len(candidates)
    size = next(size for size in STACK_SIZES if size >= wanted)
    stack = candidates + candidates[:1] * (size - wanted)
    shape = _stack_shape(stack)
    program = PROGRAMS.program(shape)
    program.load(_initial_kernels(stack, shape))
    curves = _train(program, shape, stack)
    kernels = program.kernels()
    return [
        _result(candidate, [kernel[place] for kernel in kernels], curves[:, place])
        for place, candidate in enumerate(candidates)
    ]


def _stack_shape(stack: list[CandidateTraining]) -> StackShape:
    job = stack[0].job
    genome = job.genome
    return StackShape(
        candidates=len(stack),
        batch_size=genome.batch_size,
        channels=3 * len(job.sites) if genome.conv else 0,
        flat_inputs=stack[0].flat_inputs(),
        conv=genome.conv,
        dense=genome.dense,
        outputs=job.output_count(),
        auxiliary_outputs=job.auxiliary_count(),
        activation=genome.activation,
        optimiser=genome.optimiser,
        drops=any(candidate.job.genome.dropout > 0 for candidate in stack) and bool(genome.dense),
    )


def _initial_kernels(stack: list[CandidateTraining], shape: StackShape) -> list[NDArray[np.float32]]:
    sizes = shape.kernel_sizes()
    hidden = len(shape.conv) + len(shape.dense)
    chances = [Chance.of(candidate.job) for candidate in stack]
    return [
        np.stack([c.initial_weights(*size, shape.activation if layer < hidden else "softmax", layer) for c in chances])
        for layer, size in enumerate(sizes)
    ]


def _train(program: StackedProgram, shape: StackShape, stack: list[CandidateTraining]) -> NDArray[np.float32]:
    """`(epochs, K)` mean loss of each epoch; zero where a candidate was done before."""
    smoothing = np.array([candidate.job.genome.label_smoothing for candidate in stack], np.float32)
    keep_scale = np.array([candidate.keep_scale() for candidate in stack], np.float32)
    curves = []
    for epoch in range(max(candidate.job.epochs() for candidate in stack)):
        losses = program.train(epoch_data(stack, shape, epoch), smoothing, keep_scale)
        curves.append(losses / np.array([candidate.steps() for candidate in stack], np.float32))
    return np.array(curves, np.float32)


def _result(candidate: CandidateTraining, kernels: list[NDArray[np.float32]], curve: NDArray[np.float32]) -> FitResult:
    genome = candidate.job.genome
    curve = curve[: candidate.job.epochs()].copy()
    if not np.isfinite(curve).all() or not all(np.isfinite(kernel).all() for kernel in kernels):
        return FitResult("nan", (), candidate.normalisation, curve)
    layers = [
        LayerWeights("conv", genome.activation, _by_output(kernel), layer.kernel, layer.stride)
        for layer, kernel in zip(genome.conv, kernels, strict=False)
    ]
    dense = kernels[len(genome.conv) :]
    for place in range(len(genome.dense) + 1):
        activation = genome.activation if place < len(genome.dense) else "softmax"
        layers.append(LayerWeights("dense", activation, _by_output(dense[place])))
    return FitResult("ok", tuple(layers), candidate.normalisation, curve)


def _by_output(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(kernel.T)
