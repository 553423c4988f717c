"""How a shard and the region around it behave: bounds, waits, back-off. The composition root may change any of them."""

from __future__ import annotations

import msgspec


class ShardSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one shard.

    Attributes:
        commit_commands: Commands that go into one commit; the rest waits for the next.
        commit_bytes: Bytes of frames after which a commit takes no further command.
        gather_share: Share of a commit's time that the next drain waits for those whom the commit answered, while other
            shards are busy too; 0 never waits. The journal says what suits it.
        gather_limit_ms: Longest such wait.
        recoveries: Entities that are recovered at the same time.
        parked_per_person: Commands of one person that may wait for a recovery; more are turned away.
        abandonments: Silent sessions that are looked at at the same time: after a long stop there may be thousands, and
            the people who come back must not wait behind them.
        idle_ms: An entity that was not used for this long leaves memory.
        resident_entities: Entities in memory; beyond this the least recently used leave.
        snapshot_every: Events of an entity between two snapshots.
        release_snapshot_from: At release, entities with at least this many events behind their snapshot get a new one.
        shard_snapshot_every: Log positions between two snapshots of the list of open sessions.
        backoff_ms: First wait before a shard is acquired again; doubles with every failure.
        backoff_limit_ms: Longest such wait.
    """

    commit_commands: int = 1_024
    commit_bytes: int = 1 << 20
    gather_share: float = 0.0
    gather_limit_ms: int = 20
    recoveries: int = 50
    parked_per_person: int = 1_024
    abandonments: int = 20
    idle_ms: int = 120_000
    resident_entities: int = 32_768
    snapshot_every: int = 100
    release_snapshot_from: int = 20
    shard_snapshot_every: int = 4_096
    backoff_ms: int = 200
    backoff_limit_ms: int = 10_000

    def suited_to(self, commit_bytes: int, gather_share: float) -> ShardSettings:
        """The same for a journal that takes commits of so many bytes (a command more must fit), and waits so."""
        return msgspec.structs.replace(
            self,
            commit_bytes=min(self.commit_bytes, commit_bytes // 2),
            gather_share=self.gather_share or gather_share,
        )


class RegionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the region.

    Attributes:
        owner: Who acquires the shards, as the journal records it.
        mailbox_commands: Commands of one shard that were taken and not answered yet; more are refused with 429.
        mailbox_bytes: The same, in bytes of frames.
        recovery_threads: Threads that read entities and write snapshots.
        threads: Actors, a thread each, that share the shards among them; more than one gains nothing under one
            interpreter lock.
        acquisitions: Shards that are acquired at the same time.
        tick_ms: Period of the clock that finds idle entities, silent sessions and due retries.
        restart_ms: First wait before a crashed shard starts again; doubles with every crash in a row.
        restart_limit_ms: Longest such wait; a shard that ran for this long without a crash starts from the first again.
        shard: Bounds of each shard.
    """

    owner: str = "kinelog"
    mailbox_commands: int = 4_096
    mailbox_bytes: int = 64 << 20
    recovery_threads: int = 4
    threads: int = 1
    acquisitions: int = 4
    tick_ms: int = 250
    restart_ms: int = 100
    restart_limit_ms: int = 30_000
    shard: ShardSettings = ShardSettings()
