"""The rules that keep a shard's log in one piece, each by name, so that a simulation can take one away and see why."""

from __future__ import annotations

import msgspec


class FenceRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the procedures keep. Nothing but a simulation ever turns one off.

    Attributes:
        epoch_in_every_bucket: A commit names its epoch in the condition of whatever bucket it goes to. Without it an
            old owner that has reached a later bucket writes beside the new one.
        seal_takes_the_epoch: The commit that fills a bucket sets its epoch to `SEALED`. Without it the bucket can still
            be raised by an acquirer that looked before the seal, and then a position stands in two buckets.
        open_after_known_seal: The next bucket is opened once the seal is known to be applied. Without it a bucket lies
            behind one that is still written to.
        open_if_absent: A bucket is opened only where there is none. Without it an owner that was slow to open
            overwrites the bucket of its successor.
        head_after_raise: The head is read after the epoch was raised. Without it the former owner's last commit is
            missed.
        judge_by_commit_id: An outcome is judged by epoch and commit id of the row. Without it somebody else's commit
            passes for ours.
        raise_again: An acquisition whose outcome is unknown counts as failed. Without it two acquirers that both time
            out read back one epoch, and each takes it for its own.
    """

    epoch_in_every_bucket: bool = True
    seal_takes_the_epoch: bool = True
    open_after_known_seal: bool = True
    open_if_absent: bool = True
    head_after_raise: bool = True
    judge_by_commit_id: bool = True
    raise_again: bool = True


ALL_RULES = FenceRules()
