"""The plots of a scope. Each stands beside a table with the same figures."""

from __future__ import annotations

from typing import Final

from kinelog.ml.report.drawing import INK, LINE, MARK, inline_svg
from kinelog.ml.run_record import ConfusionMatrix, NamedMetrics, ReliabilityBin
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

_CELL_INCHES: Final = 0.24
_FAINTEST: Final = 0.12
"""So that a single window among hundreds is still seen."""
_SMALLEST_DOT: Final = 12.0
_LARGEST_DOT: Final = 160.0


def plot_confusion(confusion: ConfusionMatrix, name: str) -> Markup:
    """A square for each pair of labels that occurred, the darker the larger its share of the true label's windows."""
    labels = len(confusion.labels)
    side = 1.2 + _CELL_INCHES * labels
    figure = Figure(figsize=(side + 1.6, side), layout="constrained")
    axes = figure.add_subplot(1, 1, 1)
    for row, counts in enumerate(confusion.counts):
        for column, count in enumerate(counts):
            if count:
                share = _FAINTEST + (1 - _FAINTEST) * count / sum(counts)
                axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=MARK, alpha=round(share, 3)))
    axes.set_xlim(-0.5, labels + 0.5)
    axes.set_ylim(labels - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_xticks(range(labels + 1), [*(str(number) for number in range(1, labels + 1)), "none"])
    named = [f"{label} {number}" for number, label in enumerate(confusion.labels, 1)]
    axes.set_yticks(range(labels), named)
    axes.axvline(labels - 0.5, color=LINE, linewidth=0.8)
    axes.set_xlabel("decided")
    axes.set_ylabel("true")
    axes.tick_params(length=0)
    right = sum(counts[row] for row, counts in enumerate(confusion.counts))
    total = sum(sum(counts) for counts in confusion.counts)
    words = f"{right} of {total} windows lie on the diagonal, where the decision is right. The table holds every count."
    return inline_svg(figure, name, "Confusion matrix", words)


def plot_reliability(bins: tuple[ReliabilityBin, ...], name: str) -> Markup:
    """How often the model was right against how sure it was; a dot's area grows with its windows."""
    figure = Figure(figsize=(3.6, 3.4), layout="constrained")
    axes = figure.add_subplot(1, 1, 1)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--")
    most = max((one.windows for one in bins), default=1)
    sizes = [_SMALLEST_DOT + (_LARGEST_DOT - _SMALLEST_DOT) * one.windows / most for one in bins]
    axes.scatter(
        [one.confidence for one in bins], [one.accuracy for one in bins], s=sizes, color=MARK, zorder=3, clip_on=False
    )
    axes.plot([one.confidence for one in bins], [one.accuracy for one in bins], color=MARK, linewidth=1, clip_on=False)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    axes.set_aspect("equal")
    axes.grid(linewidth=0.5)
    axes.set_xlabel("mean confidence")
    axes.set_ylabel("share that was right")
    words = "On the dashed line a model is right as often as it says. The table holds every point."
    return inline_svg(figure, name, "Reliability diagram", words)


def plot_accuracies(models: tuple[NamedMetrics, ...], name: str) -> Markup:
    """Accuracy of each model with its interval."""
    figure = Figure(figsize=(5.2, 0.7 + 0.32 * len(models)), layout="constrained")
    axes = figure.add_subplot(1, 1, 1)
    for place, model in enumerate(models):
        accuracy = model.metrics.accuracy
        axes.plot([accuracy.low, accuracy.high], [place, place], color=INK, linewidth=1.2)
        axes.plot([accuracy.value], [place], marker="o", color=MARK, markersize=7)
    axes.set_yticks(range(len(models)), [model.name for model in models])
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.set_xlim(0, 1.01)
    axes.grid(axis="x", linewidth=0.5)
    axes.set_xlabel("accuracy on the confirmation sessions, 95 % interval")
    return inline_svg(figure, name, "Accuracy of the winner, the champion and the baselines", "As in the table.")
