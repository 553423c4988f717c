"""Every safety rule taken away, one at a time: the checker must object."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.world import AS_IT_IS, Variant


@dataclass(frozen=True, slots=True)
class Ablation:
    """A broken variant, and the invariant whose breach is expected."""

    variant: Variant
    breaks: str


ABLATIONS: dict[str, Ablation] = {}
