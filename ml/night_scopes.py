"""A night's steps for its pools: who competes, the ten, the decision, and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from kinelog.ml.genome import Genome, fits_muvr_format, genome_id
from kinelog.ml.kept_state import kept_in
from kinelog.ml.night_promotion import Verdict, baseline_tasks, compared, without_comparison
from kinelog.ml.night_publishing import PUBLISHES, Publisher, published_record
from kinelog.ml.night_work import NightWork
from kinelog.ml.population import (
    KEPT,
    NOBODY,
    Member,
    Population,
    candidates_of,
    population_bytes,
    population_of,
    scope_seed,
    settings_of,
)
from kinelog.ml.run_book import NightSettings, RunBook
from kinelog.ml.run_record import LeaderboardEntry, PromotionRecord, ScopeRecord
from kinelog.ml.scope_models import ScopeModel, champion_of, chosen_fit, scope_model
from kinelog.ml.scope_pool import ScopePool
from kinelog.ml.selection import (
    NightContext,
    Ranked,
    calibration_of,
    key_of,
    refit,
    refit_whole,
    select,
    ten_of,
    whole_key_of,
)
from kinelog.ml.tasks import baseline_key
from kinelog.registry.scope import Scope


@dataclass(frozen=True, slots=True)
class ScopeNight:
    """What all pools of a night share.

    Attributes:
        work: Engine and cache.
        context: What names results.
        book: The record.
        publisher: Where models go.
        settings: Of the night.
        dataset: Hash of the data set.
    """

    work: NightWork
    context: NightContext
    book: RunBook
    publisher: Publisher
    settings: NightSettings
    dataset: str

    def selected(self, pools: Sequence[ScopePool]) -> dict[str, tuple[ScopePool, list[Ranked]]]:
        """Judge tonight's candidates; the best of each pool first, by its path."""
        candidates = {pool.scope.path: self._entrants(pool) for pool in pools}
        ranked = select(self.work, self.context, pools, candidates)
        return {pool.scope.path: (pool, ranked[pool.scope.path]) for pool in pools}

    def refitted(self, selected: Mapping[str, tuple[ScopePool, list[Ranked]]]) -> dict[str, list[ScopeModel]]:
        """The ten of each pool, and the best one of the old app's format if it is not among them, as blobs."""
        chosen = {path: _chosen(ranked) for path, (_, ranked) in selected.items()}
        results = refit(self.work, self.context, [one for ten in chosen.values() for one in ten])
        models = {}
        for path, (pool, _) in selected.items():
            made = []
            for one in chosen[path]:
                result = results[key_of(self.context, one)]
                if result.blob:
                    calibration = calibration_of(self.work, self.context, one)
                    made.append(scope_model(pool, one, calibration, result.blob))
                else:
                    self.work.log.event("left-out", scope=path, genome=genome_id(one.genome), reason=result.reason)
            models[path] = made
            self._keep(pool, made)
        return models

    def prepare(self, pools: Sequence[ScopePool], models: Mapping[str, Sequence[ScopeModel]]) -> None:
        """Let the baselines of all pools answer, where a comparison is still to be made."""
        tasks = []
        for pool in pools:
            own = models[pool.scope.path]
            if pool.held is None or not own or self.book.scope(pool.scope.cluster, pool.scope.sensors) is not None:
                continue
            if without_comparison(pool, own[0], champion_of(self.publisher.store, pool)) is None:
                tasks += baseline_tasks(self.context, pool, pool.held)
        wanted = {baseline_key(task): task for task in tasks}
        missing = [wanted[key] for key in self.work.missing(wanted)]
        self.work.do("baselines", missing, len(tasks) - len(missing))

    def decide(self, pool: ScopePool, models: Sequence[ScopeModel]) -> None:
        """Compare the winner with the champion and the baselines, and write the decision down; once a night."""
        if self.book.scope(pool.scope.cluster, pool.scope.sensors) is not None:
            return
        champion = champion_of(self.publisher.store, pool)
        if not models:
            verdict: Verdict | None = Verdict(PromotionRecord("too-little-data", "no candidate could be fitted"))
        else:
            verdict = without_comparison(pool, models[0], champion)
        if verdict is None and pool.held is not None:
            uses = self.publisher.store.use_confirmation(pool.scope, pool.held.set_name, self.book.record.run)
            verdict = compared(self.work, self.context, pool, pool.held, models[0], champion, uses=uses)
        if verdict is None:
            return
        known = 0 if champion is None else champion.published.version
        self.book.put(self._record(pool, pool.scope.cluster, verdict, known, models))
        self.work.log.event(
            "decided", scope=pool.scope.path, outcome=verdict.promotion.outcome, reason=verdict.promotion.reason
        )

    def fit_whole(self, pools: Sequence[ScopePool], models: Mapping[str, Sequence[ScopeModel]]) -> dict[str, bytes]:
        """What of each pool is published, by its path: the winner's recipe on all sessions, now that it is decided."""
        winners = {}
        for pool in pools:
            decided = self.book.scope(pool.scope.cluster, pool.scope.sensors)
            if decided is not None and not decided.settled and decided.promotion.outcome in PUBLISHES:
                winners[pool.scope.path] = (pool, models[pool.scope.path][0])
        if not winners:
            return {}
        results = refit_whole(self.work, self.context, [model.ranked for _, model in winners.values()])
        found = {}
        for path, (pool, model) in winners.items():
            result = results[whole_key_of(self.context, model.ranked)]
            found[path] = model.blob
            if pool.held is not None and result.blob:
                found[path] = chosen_fit(model, pool, pool.held, result.blob)
            if found[path] == model.blob:
                self.work.log.event("not-fitted-whole", scope=path, reason=result.reason or "not better for it")
        return found

    def settle(self, pool: ScopePool, models: Sequence[ScopeModel], whole: bytes | None) -> None:
        """Do what was decided, for the pool's scope and the clusters that back off to it.

        Args:
            pool: Of the scope.
            models: The ten, the winner first.
            whole: What is published, if anything is: the winner's recipe on all sessions.
        """
        decided = self.book.scope(pool.scope.cluster, pool.scope.sensors)
        if decided is None or decided.settled:
            return
        store = self.publisher.store
        champion = None
        if models:
            measured = models[0].blob
            if whole is not None and whole != measured:
                self._keep_measured(pool, measured)
            champion = self.publisher.settle(pool, decided, measured, whole or measured, self.dataset)
        if champion is not None:
            for cluster, published in self.publisher.follow(pool, champion).items():
                follower = msgspec.structs.replace(
                    decided, cluster=cluster, settled=True, published=published_record(store, published)
                )
                self.book.put(follower)
        self.book.put(msgspec.structs.replace(decided, settled=True, published=published_record(store, champion)))

    def _entrants(self, pool: ScopePool) -> tuple[Genome, ...]:
        before = self._population(pool.scope)
        if before.entrants_run == self.book.record.run:
            return before.entrants
        seed = scope_seed(self.settings.seed, pool.scope, before.generation + 1)
        entrants = candidates_of(before, seed, self.settings.candidates, pool.shape)
        self._save(pool, msgspec.structs.replace(before, entrants_run=self.book.record.run, entrants=entrants))
        return entrants

    def _keep(self, pool: ScopePool, models: Sequence[ScopeModel]) -> None:
        before = self._population(pool.scope)
        run = self.book.record.run
        known = {genome_id(member.genome): member.since_run for member in before.members}
        members = [self._member(model, known) for model in models]
        self._save(
            pool,
            Population(
                run=run,
                generation=before.generation + (before.run != run),
                dataset=self.dataset,
                fit_data=pool.data.sha256,
                seed=self.settings.seed,
                folds=self.settings.folds,
                code_version=self.context.code_version,
                labels=pool.data.names.labels,
                data_cluster=pool.scope.cluster,
                members=tuple(members[:KEPT]),
                best_muvr=next((member for member in members if fits_muvr_format(member.genome)), None),
                candidates=len(before.entrants),
                entrants_run=before.entrants_run,
                entrants=before.entrants,
                measured=before.measured,
            ),
        )

    def _keep_measured(self, pool: ScopePool, blob: bytes) -> None:
        """Put the model that figures are of, and name it: before the manifest does that refers to it."""
        before = self._population(pool.scope)
        sha256 = self.publisher.store.put_blob(blob)
        if sha256 not in before.measured:
            self._save(pool, msgspec.structs.replace(before, measured=(*before.measured, sha256)))

    def _member(self, model: ScopeModel, known: dict[str, str]) -> Member:
        return model.member(self.publisher.store.put_blob(model.blob), self.book.record.run, known)

    def _population(self, scope: Scope) -> Population:
        store = self.publisher.store
        data = store.population(scope)
        with kept_in(store, f"the population of {scope.path}"):
            return NOBODY if data is None else population_of(data)

    def _save(self, pool: ScopePool, population: Population) -> None:
        lease = self.publisher.keeper.lease
        self.publisher.store.save_population(pool.scope, population_bytes(population), lease=lease)

    def _record(
        self, pool: ScopePool, cluster: str, verdict: Verdict, champion_before: int, models: Sequence[ScopeModel]
    ) -> ScopeRecord:
        population = self._population(pool.scope)
        detail = verdict.detail
        return ScopeRecord(
            cluster=cluster,
            sensors=pool.scope.sensors,
            data_cluster=pool.scope.cluster,
            labels=pool.data.names.labels,
            examples=int(pool.data.complete.sum()),
            sessions=pool.sessions,
            person_count=pool.people,
            candidates=population.candidates,
            promotion=verdict.promotion,
            leaderboard=tuple(_entry(member) for member in population.members),
            best_muvr=None if population.best_muvr is None else _entry(population.best_muvr),
            confirmation=verdict.metrics,
            confusion=detail.confusion if detail else None,
            reliability=detail.reliability if detail else (),
            classes=detail.classes if detail else (),
            people=detail.people if detail else (),
            champion_before=champion_before,
            settled=False,
            warnings=() if models else ("nothing could be fitted",),
        )


def _chosen(ranked: Sequence[Ranked]) -> list[Ranked]:
    ten, muvr = ten_of(ranked)
    return ten if muvr is None or muvr in ten else [*ten, muvr]


def _entry(member: Member) -> LeaderboardEntry:
    return LeaderboardEntry(
        genome_id=genome_id(member.genome),
        settings=settings_of(member.genome),
        selection_score=member.selection_score,
        since_run=member.since_run,
        masked=member.genome.masked,
        muvr_exportable=fits_muvr_format(member.genome),
    )
