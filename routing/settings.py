"""Bounds and waits of the channel between nodes. The composition root may change any of them."""

from __future__ import annotations

import msgspec


class ChannelSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of each connection.

    Attributes:
        in_flight: Questions to one node that are not answered yet; more are refused with `MailboxFullError`.
        in_flight_bytes: The same in bytes of frames, those included that the network has not taken yet.
        question_bytes: Largest message that carries questions.
        answer_bytes: Largest message that carries answers; a tenant's whole state must fit.
        batch_bytes: A message takes no further question or answer beyond this.
        handshake_s: Both sides must have proved who they are after this.
        handshakes: Strangers that may be in the middle of that at the same time; further ones are hung up on.
        connections_per_peer: Connections that one node may hold to us; the oldest gives way to a further one.
        ping_s: How often a side that waits for answers makes sure that the other is there.
        silence_s: A node from which nothing came for this long while it was asked something is held to be gone.
        reconnect_s: First pause after an attempt to connect failed; doubles with each failure.
        reconnect_limit_s: Longest such pause.
        sweep_s: How often deadlines are looked at: an answer comes this much late at most.
        refused_wait_s: What is named as `retry_after_s` where the channel itself is full.
    """

    in_flight: int = 4_096
    in_flight_bytes: int = 32 << 20
    question_bytes: int = 4 << 20
    answer_bytes: int = 64 << 20
    batch_bytes: int = 256 << 10
    handshake_s: float = 5.0
    handshakes: int = 64
    connections_per_peer: int = 4
    ping_s: float = 1.0
    silence_s: float = 5.0
    reconnect_s: float = 0.02
    reconnect_limit_s: float = 1.0
    sweep_s: float = 0.05
    refused_wait_s: float = 1.0


DEFAULT_CHANNEL = ChannelSettings()
