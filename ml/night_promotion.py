"""A pool's winner meets the champion and the baselines on sessions that no selection saw."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from kinelog.ml.baselines import BASELINES, fit_baseline
from kinelog.ml.confirmed_figures import ConfirmedDetail, detail, named_metrics
from kinelog.ml.promotion import ConfirmedScore, decide
from kinelog.ml.run_record import NamedMetrics, PromotionRecord
from kinelog.ml.scope_models import Champion, ScopeModel, confirmed, score_of
from kinelog.ml.scope_pool import Held, ScopePool
from kinelog.ml.scope_windows import judged_windows
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Verdict:
    """What confirmation found.

    Attributes:
        promotion: Who is champion now, and why.
        metrics: Of challenger, champion and baselines; none when nothing was compared.
        detail: Where the challenger errs.
    """

    promotion: PromotionRecord
    metrics: tuple[NamedMetrics, ...] = ()
    detail: ConfirmedDetail | None = None


def without_comparison(pool: ScopePool, model: ScopeModel, champion: Champion | None) -> Verdict | None:
    """The verdict where looking at the confirmation sessions would tell nothing; None where it would."""
    if champion is not None and hashlib.sha256(model.blob).hexdigest() == champion.published.blob:
        return Verdict(PromotionRecord("kept", "the winner is the champion itself, bit for bit"))
    if pool.held is None:
        reason = "no confirmation session has these sensors and labels: nothing can be said of any model"
        return Verdict(PromotionRecord("unconfirmed", reason))
    return None


def compared(
    pool: ScopePool, held: Held, model: ScopeModel, champion: Champion | None, *, uses: int, seed: int
) -> Verdict:
    """Compare the winner with what there is.

    Args:
        pool: Where it was selected.
        held: The confirmation sessions.
        model: The winner.
        champion: What phones have.
        uses: Of this confirmation set, this one included.
        seed: Of baselines and bootstrap.
    """
    labels = pool.data.names.labels
    known = (*labels, *(label for label in (champion.labels if champion else ()) if label not in labels))
    challenger = confirmed("challenger", model.blob, held, np.arange(len(labels)), len(known))
    rival = None
    if champion is not None:
        columns = np.array([known.index(label) for label in champion.labels], dtype=np.int64)
        rival = confirmed("champion", champion.blob, held, columns, len(known))
    trivial = baselines(pool, held, len(known), seed)
    promotion = decide(challenger, rival, trivial, uses=uses, seed=seed)
    everybody = [challenger, *([rival] if rival else []), *trivial.values()]
    return Verdict(
        promotion,
        tuple(named_metrics(one, seed=seed) for one in everybody),
        detail(challenger, known),
    )


def baselines(pool: ScopePool, held: Held, label_count: int, seed: int) -> dict[str, ConfirmedScore]:
    """Trivial models fitted on the selection's windows, asked about the confirmation's."""
    windows, labels = _complete_windows(pool)
    asked = held.judged()
    found = {}
    for name in BASELINES:
        fitted = fit_baseline(name, windows, labels, label_count, seed=seed % 2**32)
        found[name] = score_of(name, held, fitted.probabilities(asked.windows), asked.rows.example_of, None)
    return found


def _complete_windows(pool: ScopePool) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    judged = judged_windows(pool.data)
    worn = pool.data.complete[judged.rows.example_of]
    return judged.windows[worn], pool.data.labels[judged.rows.example_of[worn]]
