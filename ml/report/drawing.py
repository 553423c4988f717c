"""From a matplotlib figure to SVG that lives inside a page: no clock, no chance, no ids or styles that reach outside.

Figures are drawn in three stand-in colours, which become those of the page, so that a plot is readable in the dark too.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

INK: Final = "#010203"
LINE: Final = "#040506"
MARK: Final = "#070809"
_OF_THE_PAGE: Final = {INK: "var(--ink)", LINE: "var(--line)", MARK: "var(--mark)"}
_STYLE: Final[dict[RcKeyType, str | float]] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.unicode_minus": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": LINE,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}
_NO_METADATA: Final = {"Date": None, "Creator": None, "Format": None, "Type": None}


@contextmanager
def drawing_style() -> Iterator[None]:
    """While it lasts, figures are drawn as the report wants them, whatever this machine's matplotlib is set to."""
    with warnings.catch_warnings(), mpl.rc_context():
        # A label in a script that our font lacks: the browser draws it with its own, ours only measures.
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def inline_svg(figure: Figure, name: str, title: str, description: str) -> Markup:
    """The figure as an `svg` element.

    Args:
        figure: Drawn within `drawing_style`, which still lasts.
        name: Unique within the page: letters, digits and hyphens. Every id in the drawing starts with it.
        title: What a screen reader calls the plot.
        description: What the plot shows, in words, and where the figures stand.
    """
    buffer = io.StringIO()
    mpl.rcParams["svg.hashsalt"] = name
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata=_NO_METADATA)
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"\s*<style type=\"text/css\">.*?</style>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"\s*<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"(?<= id=\")([^\"]+)", rf"{name}-\1", drawn)
    drawn = re.sub(r"(?<=url\(#)|(?<=href=\"#)", f"{name}-", drawn)
    for stand_in, colour in _OF_THE_PAGE.items():
        drawn = drawn.replace(stand_in, colour)
    words = Markup('<title id="{0}-title">{1}</title><desc id="{0}-desc">{2}</desc>').format(name, title, description)
    head, _, rest = drawn.partition(">")
    head = f'{head} role="img" aria-labelledby="{name}-title {name}-desc"'
    return Markup(f"{head}>{words}{rest}")  # noqa: S704  # text in it was escaped by matplotlib's writer and above
