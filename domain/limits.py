"""Bounds on what one person or session may hold, so that no input grows a state without end."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """All bounds that `decide` keeps; the composition root may set them from the configuration.

    Attributes:
        frame_bytes: Bytes of one frame; more is refused before anything looks at them.
        frames_per_device: Distinct frames of one device in one session (100 000 is more than a day at one a second).
        sequence_window: How far beyond the highest known sequence number a frame may lie.
        devices_per_session: Devices that may send to one session.
        devices_per_user: Paired devices.
        sets_per_session: Labelled sets.
        sessions_per_user: Sessions in a user's index.
        kept_rejects_per_device_day: Undecodable or conflicting frames of one device whose bytes a session keeps in one
            day; later ones are refused without being stored.
        clock_skew_ms: How far in the future a session may start.
        silence_ms: A session without activity for this long is abandoned.
        missing_ranges: Gaps of one device that a session's end lists, the earliest ones.
        set_length_ms: How long one set may last.
        set_tolerance_ms: How far a set may reach beyond its session: the clocks of watch and phone differ.
        gyms_per_tenant: Gyms.
        stations_per_gym: Stations.
        exercises_per_station: Exercises that one station offers.
        tokens_per_tenant: Tokens that are not revoked.
        codes_per_tenant: Pairing codes waiting to be redeemed.
        models_per_tenant: Combinations of cluster and sensors that models are published for.
    """

    frame_bytes: int = 65_536
    frames_per_device: int = 100_000
    sequence_window: int = 1_000_000
    devices_per_session: int = 16
    devices_per_user: int = 16
    sets_per_session: int = 1_000
    sessions_per_user: int = 20_000
    kept_rejects_per_device_day: int = 100
    clock_skew_ms: int = 24 * 3_600_000
    silence_ms: int = 30 * 60_000
    missing_ranges: int = 1_000
    set_length_ms: int = 6 * 3_600_000
    set_tolerance_ms: int = 60_000
    gyms_per_tenant: int = 1_000
    stations_per_gym: int = 500
    exercises_per_station: int = 200
    tokens_per_tenant: int = 1_000_000
    codes_per_tenant: int = 10_000
    models_per_tenant: int = 10_000


DEFAULT_LIMITS = Limits()
