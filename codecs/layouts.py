"""The nine layouts, each with its two calls: check and summarise, then read the samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from kinelog.codecs import gfs, multipacket, muvr16
from kinelog.codecs.historic_gfs import FEF7, FEFC
from kinelog.codecs.tagged import AD, AD_INT16, AD_LEGACY19, AE
from kinelog.codecs.values import Format, FrameSummary, Samples


class Layout(NamedTuple):
    """How one layout is read.

    Attributes:
        summarize: Makes every check and tells everything but the samples.
        samples: The samples of each block of a body that `summarize` has accepted.
    """

    summarize: Callable[[bytes], FrameSummary]
    samples: Callable[[bytes, FrameSummary], Iterable[Samples]]


LAYOUTS = {
    Format.GFS: Layout(gfs.summarize, gfs.samples),
    Format.MULTIPACKET: Layout(multipacket.summarize, multipacket.samples),
    Format.MUVR16: Layout(muvr16.summarize, muvr16.samples),
    Format.AE: Layout(AE.summarize, AE.samples),
    Format.AD: Layout(AD.summarize, AD.samples),
    Format.GFS_FEFC: Layout(FEFC.summarize, FEFC.samples),
    Format.GFS_FEF7: Layout(FEF7.summarize, FEF7.samples),
    Format.AD_INT16: Layout(AD_INT16.summarize, AD_INT16.samples),
    Format.AD_LEGACY19: Layout(AD_LEGACY19.summarize, AD_LEGACY19.samples),
}
