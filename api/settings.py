"""Bounds of the HTTP interface, each with a default that a deployment may change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """Limits and intervals.

    Attributes:
        frame_body_bytes: Body of one frame, compressed or not.
        batch_body_bytes: Body of a batch of frames, compressed; `batch_bytes` after decompression.
        json_body_bytes: JSON bodies, compressed or not.
        body_timeout_s: A body must be complete this long after its headers.
        batch_frames: Frames in one batch.
        chunk_frames: Frames in one command; larger batches become several commands, in order.
        chunk_bytes: Bytes in one command.
        answer_s: How long the store may take over one command or one question; then the caller is told to come back.
        page_rows: Rows of a page when the caller does not say; `page_rows_max` at most.
        sample_rows_max: Rows of samples in one answer.
        read_wait_s: How long a read waits for `min_position`.
        read_poll_s: How often the views' position is asked for while somebody waits.
        reader_threads: Threads for blocking questions (views, keys, exports).
        model_ttl_s: How long a manifest is served before the model store is asked for a newer one.
        tenant_ttl_s: How long a tenant's tokens are trusted before its state is read again: another process may have
            revoked one.
        device_token_ms: Life of a device token; its refresh token gets the next one.
        pairing_code_ms: Life of a pairing code.
        wrong_codes_of_network: Wrong pairing codes a minute that one client network may send for one tenant.
        wrong_codes_of_tenant: Wrong pairing codes a minute for one tenant, from wherever.
        live_poll_s: How often a gym's live stream asks for news, once for all its clients.
        live_heartbeat_s: A silent stream says that it lives this often.
        live_buffer: Events that wait for one slow client before it is cut off.
        live_clients: Open live streams of this process.
        live_write_timeout_s: A client that takes nothing for this long is cut off.
        request_line_bytes: A longer request line is refused before anything looks at it.
        lingering_s: How long the rest of a refused body is read and thrown away, so that the refusal arrives.
        access_log: Whether each answered request is a line of the log.
        named_requests: Whether lines of the log say which request they are about: for logs that show it.
        connections: Open connections of this process.
        connections_of_network: Open connections of one client network; None where a proxy stands in front, whose
            address is everybody's.
        headers_s: A request's headers must be complete this long after their first byte.
        keepalive_s: An idle connection, one that has just been opened too, is closed after this.
    """

    frame_body_bytes: int = 65_536
    batch_body_bytes: int = 8 * 1024 * 1024
    batch_bytes: int = 16 * 1024 * 1024
    json_body_bytes: int = 256 * 1024
    body_timeout_s: float = 20.0
    batch_frames: int = 20_000
    chunk_frames: int = 256
    chunk_bytes: int = 512 * 1024
    answer_s: float = 10.0
    page_rows: int = 50
    page_rows_max: int = 200
    sample_rows_max: int = 3_600
    read_wait_s: float = 3.0
    read_poll_s: float = 0.02
    reader_threads: int = 8
    model_ttl_s: float = 2.0
    tenant_ttl_s: float = 5.0
    device_token_ms: int = 30 * 24 * 3_600_000
    pairing_code_ms: int = 10 * 60_000
    wrong_codes_of_network: int = 30
    wrong_codes_of_tenant: int = 600
    live_poll_s: float = 0.25
    live_heartbeat_s: float = 15.0
    live_buffer: int = 512
    live_clients: int = 256
    live_write_timeout_s: float = 20.0
    request_line_bytes: int = 32_768
    lingering_s: float = 2.0
    access_log: bool = False
    named_requests: bool = False
    connections: int = 4_096
    connections_of_network: int | None = None
    headers_s: float = 20.0
    keepalive_s: float = 75.0
