"""A pool's winner meets the champion and the baselines on sessions that no selection saw."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from kinelog.ml.baselines import BASELINES
from kinelog.ml.confirmed_figures import ConfirmedDetail, detail, named_metrics
from kinelog.ml.night_work import NightWork
from kinelog.ml.population import scope_seed
from kinelog.ml.promotion import ConfirmedScore, decide
from kinelog.ml.run_record import NamedMetrics, PromotionRecord
from kinelog.ml.scope_models import Champion, ScopeModel, confirmed, score_of
from kinelog.ml.scope_pool import Held, ScopePool
from kinelog.ml.scope_windows import judged_rows
from kinelog.ml.selection import NightContext
from kinelog.ml.tasks import BaselineResult, BaselineTask, baseline_key


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
    if champion is not None and model.blob == champion.measured:
        return Verdict(PromotionRecord("kept", "the winner is the champion itself, bit for bit"))
    if pool.held is None:
        reason = "no confirmation session has these sensors and labels: nothing can be said of any model"
        return Verdict(PromotionRecord("unconfirmed", reason))
    return None


def compared(
    work: NightWork,
    context: NightContext,
    pool: ScopePool,
    held: Held,
    model: ScopeModel,
    champion: Champion | None,
    *,
    uses: int,
) -> Verdict:
    """Compare the winner with what there is.

    Args:
        work: Where the baselines' answers are.
        context: Of the night.
        pool: Where it was selected.
        held: The confirmation sessions.
        model: The winner.
        champion: What phones have.
        uses: Of this confirmation set, this one included.
    """
    seed = scope_seed(context.seed, pool.scope, 0)
    labels = pool.data.names.labels
    known = (*labels, *(label for label in (champion.labels if champion else ()) if label not in labels))
    challenger = confirmed("challenger", model.blob, held, np.arange(len(labels)), len(known))
    rival = None
    if champion is not None:
        columns = np.array([known.index(label) for label in champion.labels], dtype=np.int64)
        rival = confirmed("champion", champion.measured, held, columns, len(known))
    trivial = answered(work, baseline_tasks(context, pool, held), held, len(known))
    promotion = decide(challenger, rival, trivial, uses=uses, seed=seed)
    everybody = [challenger, *([rival] if rival else []), *trivial.values()]
    return Verdict(
        promotion,
        tuple(named_metrics(one, seed=seed) for one in everybody),
        detail(challenger, known),
    )


def baseline_tasks(context: NightContext, pool: ScopePool, held: Held) -> list[BaselineTask]:
    """What has to be computed before a pool's winner can be compared."""
    return [BaselineTask(context.common(pool), context.place, name, held.data.sha256) for name in BASELINES]


def answered(work: NightWork, tasks: list[BaselineTask], held: Held, label_count: int) -> dict[str, ConfirmedScore]:
    """The baselines' answers on the confirmation sessions.

    Args:
        work: Where results are.
        tasks: Those of the pool, done.
        held: Its confirmation sessions.
        label_count: Columns in all: the pool's labels, and those that only the champion knows.
    """
    examples = judged_rows(held.data).example_of
    found = {}
    for task in tasks:
        result = msgspec.msgpack.decode(work.result(baseline_key(task)), type=BaselineResult)
        own = np.frombuffer(result.probabilities).reshape(len(examples), result.labels)
        padded = np.zeros((len(examples), label_count))
        padded[:, : result.labels] = own
        found[task.name] = score_of(task.name, held, padded, examples, None)
    return found
