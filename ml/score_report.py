"""What a score of published models says, as one value that becomes JSON or text."""

from __future__ import annotations

import msgspec


class LabelScore(msgspec.Struct, frozen=True):
    """One label: sets that are of it, sets that were called so, its recall and F1."""

    label: str
    sets: int
    decided: int
    recall: float
    f1: float


class PartScore(msgspec.Struct, frozen=True):
    """One person, recording or source rate: its sets and the share of them that was found."""

    name: str
    sets: int
    accuracy: float


class Bin(msgspec.Struct, frozen=True):
    """Sets about which the model was so sure: how many, how sure, and how often right."""

    low: float
    high: float
    sets: int
    confidence: float
    accuracy: float


class WindowScore(msgspec.Struct, frozen=True, kw_only=True):
    """How well windows at one place are recognised. Figures are None where there was no window.

    Attributes:
        window: `first second`, or where windows end relative to the labelled start.
        end_ms: The same as a number.
        sets: Judged.
        left_out: Sets whose samples do not reach there.
        accuracy: The most probable label is the right one, sure or not.
        accuracy_low, accuracy_high: Between which 95 % of bootstrap draws of whole sessions lie.
        macro_f1: Over the labels that occur.
        macro_f1_common: Over labels of at least three sessions and six sets; None if there is none.
        ece, ece_excess: Expected calibration error; the same less its mean under labels drawn from the probabilities.
        nll, brier: Of the probabilities.
        coverage: Share of sets on which the model does not abstain.
        accuracy_when_sure: Share right among those; None if it always abstains.
        negatives: Windows in which nothing was labelled; only beside the first second.
        negatives_answered: Share of them on which the model does not abstain.
    """

    window: str
    end_ms: int
    sets: int
    left_out: int
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    macro_f1: float | None = None
    macro_f1_common: float | None = None
    ece: float | None = None
    ece_excess: float | None = None
    nll: float | None = None
    brier: float | None = None
    coverage: float | None = None
    accuracy_when_sure: float | None = None
    negatives: int = 0
    negatives_answered: float | None = None
    by_class: tuple[LabelScore, ...] = ()
    by_person: tuple[PartScore, ...] = ()
    by_recording: tuple[PartScore, ...] = ()
    by_rate: tuple[PartScore, ...] = ()
    reliability: tuple[Bin, ...] = ()


class ModelUse(msgspec.Struct, frozen=True):
    """A model that was asked, and how many sets of which recording it was asked about."""

    scope: str
    version: int
    blob: str
    labels: tuple[str, ...]
    recording: str
    sets: int
    unnamed: int


class ScoreReport(msgspec.Struct, frozen=True, kw_only=True):
    """The score of a folder of recordings.

    Attributes:
        dataset: Hash of the examples, over all recordings.
        sets: With a label, that passed the gates.
        judged: Of these, those whose label a model has.
        unnamed: Sets whose label means nothing to the model that was chosen, by label.
        without_model: Sets for whose sites there is no model.
        refused: Sets that were not used, by reason.
        unreadable: Recordings that could not be read, with the reason.
        models: What was asked.
        windows: The first second, then windows before the start.
    """

    dataset: str
    sets: int
    judged: int
    unnamed: dict[str, int]
    without_model: int
    refused: dict[str, int]
    unreadable: dict[str, str]
    models: tuple[ModelUse, ...]
    windows: tuple[WindowScore, ...]

    @property
    def judged_anything(self) -> bool:
        """Whether there is a figure at all: sets whose label a model has may still be too short for every window."""
        return any(one.sets for one in self.windows)


def report_text(report: ScoreReport) -> str:
    """The report for people."""
    lines = [f"{report.judged} of {report.sets} labelled sets judged"]
    lines += [f"  {count} sets: {reason}" for reason, count in sorted(report.refused.items())]
    lines += [f"  {count} sets: no model has a label for {label!r}" for label, count in sorted(report.unnamed.items())]
    if report.without_model:
        lines.append(f"  {report.without_model} sets: no model for their sensors")
    lines += [f"  {name}: {reason}" for name, reason in sorted(report.unreadable.items())]
    lines += [
        f"{use.recording}: {use.sets} sets, {use.scope} version {use.version}, {len(use.labels)} labels"
        for use in report.models
    ]
    if report.windows:
        names = ("sets", "accuracy", "macro-F1", "ECE excess", "NLL", "Brier", "coverage", "when sure")
        lines.append(f"{'':16}" + "".join(f"{name:>12}" for name in names))
    for one in report.windows:
        figures = (
            one.accuracy, one.macro_f1, one.ece_excess, one.nll, one.brier, one.coverage, one.accuracy_when_sure,
        )  # fmt: skip
        shown = "".join(f"{'-' if figure is None else format(figure, '.3f'):>12}" for figure in figures)
        lines.append(f"{one.window:16}{one.sets:>12}{shown}")
    for one in report.windows[:1]:
        lines += [f"  {part.label:32}{part.sets:>6} sets  F1 {part.f1:.2f}" for part in one.by_class]
        lines += [f"  {part.name:32}{part.sets:>6} sets  accuracy {part.accuracy:.2f}" for part in one.by_person]
    return "\n".join(lines)
