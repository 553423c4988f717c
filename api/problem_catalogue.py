"""Every problem that the interface answers: its stable code, status, title, and what a caller can do about it.

The codes of the codecs and of the state machines come through unchanged; `docs/api.md` lists them all and a test holds
the two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_PREFIX = "/problems/"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One kind of problem.

    Attributes:
        code: Last segment of the problem's `type`.
        status: HTTP status.
        title: A few words, always the same for this code.
        retryable: Whether the same request may succeed later.
    """

    code: str
    status: int
    title: str
    retryable: bool = False

    @property
    def type(self) -> str:
        """The `type` URI (a reference relative to the service)."""
        return TYPE_PREFIX + self.code


_KINDS: tuple[ProblemKind, ...] = (
    # what HTTP itself refuses
    ProblemKind("bad-request", 400, "The request could not be understood"),
    ProblemKind("invalid-parameter", 400, "A parameter of the path or query is not valid"),
    ProblemKind("invalid-json", 400, "The body is not JSON"),
    ProblemKind("invalid-batch", 400, "The body is not a batch of frames"),
    ProblemKind("bad-content-encoding", 400, "The body is not what its Content-Encoding says"),
    ProblemKind("bad-cursor", 400, "The cursor was not handed out by this list"),
    ProblemKind("bad-position", 400, "The position was not handed out by this service"),
    ProblemKind("unauthenticated", 401, "A valid bearer token is needed"),
    ProblemKind("forbidden", 403, "The token does not allow this"),
    ProblemKind("consent-needed", 403, "The person has not consented to this"),
    ProblemKind("not-found", 404, "There is nothing here"),
    ProblemKind("method-not-allowed", 405, "The resource has no such method"),
    ProblemKind("body-timeout", 408, "The body came too slowly", retryable=True),
    ProblemKind("ambiguous-session", 409, "Several users hold a session with this id"),
    ProblemKind("body-too-large", 413, "The body is too large"),
    ProblemKind("frame-too-large", 413, "The frame is too large"),
    ProblemKind("unsupported-media-type", 415, "The body's type is not supported"),
    ProblemKind("unsupported-content-encoding", 415, "The body's Content-Encoding is not supported"),
    ProblemKind("expectation-failed", 417, "The expectation cannot be met"),
    ProblemKind("invalid-body", 422, "A field of the body is not valid"),
    ProblemKind("nothing-usable", 422, "No frame of the batch could be used"),
    ProblemKind("precondition-required", 428, "The request must say which version it changes"),
    ProblemKind("busy", 429, "Too much at once", retryable=True),
    ProblemKind("too-many-tries", 429, "Too many pairing codes were wrong", retryable=True),
    ProblemKind("internal", 500, "The service failed"),
    ProblemKind("unavailable", 503, "Not possible right now", retryable=True),
    ProblemKind("view-behind", 503, "The views have not caught up with this position yet", retryable=True),
)

# what the state machines refuse, and what they say of a single frame
_REFUSALS: tuple[ProblemKind, ...] = (
    ProblemKind("user-unknown", 404, "There is no such user"),
    ProblemKind("user-erased", 410, "The person was erased"),
    ProblemKind("profile-invalid", 422, "The profile is not acceptable"),
    ProblemKind("device-invalid", 422, "The device is not acceptable"),
    ProblemKind("device-unknown", 404, "There is no such device"),
    ProblemKind("too-many-devices", 409, "There are too many devices"),
    ProblemKind("push-target-invalid", 422, "The push target is not acceptable"),
    ProblemKind("feedback-invalid", 422, "The feedback is not acceptable"),
    ProblemKind("session-unknown", 404, "There is no such session"),
    ProblemKind("session-not-started", 409, "The session has not started yet", retryable=True),
    ProblemKind("session-deleted", 410, "The session was deleted"),
    ProblemKind("session-id-used", 409, "The id was used for another session"),
    ProblemKind("session-invalid", 422, "The session is not acceptable"),
    ProblemKind("session-ended", 409, "The session has ended"),
    ProblemKind("session-active", 409, "The session is active", retryable=True),
    ProblemKind("started-in-future", 422, "The session starts in the future"),
    ProblemKind("ended-before-start", 422, "The session ends before it starts"),
    ProblemKind("ended-in-future", 422, "The session ends in the future"),
    ProblemKind("too-many-sessions", 409, "There are too many sessions"),
    ProblemKind("frames-invalid", 422, "The counts of frames are not acceptable"),
    ProblemKind("frames-missing", 409, "Frames have not arrived", retryable=True),
    ProblemKind("frame-conflict", 409, "Another frame is stored under this number"),
    ProblemKind("too-many-frames", 409, "There are too many frames"),
    ProblemKind("sequence-out-of-range", 422, "The sequence number is out of range"),
    ProblemKind("start-required", 422, "The frame's start is missing"),
    ProblemKind("start-out-of-range", 422, "The frame's start is out of range"),
    ProblemKind("label-invalid", 422, "The label is not acceptable"),
    ProblemKind("label-id-used", 409, "The id was used for another label"),
    ProblemKind("set-unknown", 404, "There is no such set"),
    ProblemKind("set-stale", 412, "Somebody changed the set since you read it"),
    ProblemKind("set-overlaps", 409, "Another set was done at that time"),
    ProblemKind("set-outside-session", 422, "The set lies outside its session"),
    ProblemKind("too-many-sets", 409, "There are too many sets"),
    ProblemKind("tenant-unknown", 404, "There is no such tenant"),
    ProblemKind("tenant-invalid", 422, "The tenant is not acceptable"),
    ProblemKind("gym-unknown", 404, "There is no such gym"),
    ProblemKind("gym-invalid", 422, "The gym is not acceptable"),
    ProblemKind("too-many-gyms", 409, "There are too many gyms"),
    ProblemKind("too-many-models", 409, "There are too many models"),
    ProblemKind("model-unknown", 404, "There is no such model"),
    ProblemKind("model-invalid", 422, "The model is not acceptable"),
    ProblemKind("model-version-used", 409, "The version was used for another model"),
    ProblemKind("blob-unknown", 404, "There are no such bytes"),
    ProblemKind("webhook-unknown", 404, "No webhook is set"),
    ProblemKind("webhook-invalid", 422, "The webhook is not acceptable"),
    ProblemKind("token-unknown", 404, "There is no such token"),
    ProblemKind("token-invalid", 422, "The token is not acceptable"),
    ProblemKind("token-id-used", 409, "The id was used for another token"),
    ProblemKind("token-hash-used", 409, "The secret is in use"),
    ProblemKind("hash-invalid", 422, "The hash is not acceptable"),
    ProblemKind("reason-invalid", 422, "The reason is not acceptable"),
    ProblemKind("expiry-invalid", 422, "The expiry is not in the future"),
    ProblemKind("too-many-tokens", 409, "There are too many tokens"),
    ProblemKind("refresh-invalid", 401, "The refresh token is not valid"),
    ProblemKind("refresh-reused", 401, "The refresh token was used before"),
    ProblemKind("code-invalid", 404, "The pairing code is not valid"),
    ProblemKind("code-used", 409, "The pairing code is in use"),
    ProblemKind("too-many-codes", 429, "Too many pairing codes are waiting", retryable=True),
)

# what the codecs say about the bytes of a frame
CODEC_CODES = (
    "empty", "ambiguous", "unknown-type", "truncated-header", "bad-sample-size", "bad-rate",
    "truncated-samples", "bad-magic", "too-short", "no-content", "bad-location", "empty-payload", "truncated-payload",
    "trailing-bytes", "bad-types", "bad-type", "bad-count", "bad-sample", "too-many-blocks",
    "undecodable",
)  # fmt: skip

KIND_OF_CODE: dict[str, ProblemKind] = {kind.code: kind for kind in _KINDS + _REFUSALS}
KIND_OF_CODE |= {code: ProblemKind(code, 422, "The bytes are not a frame") for code in CODEC_CODES}


def kind_of(code: str, *, retryable: bool = False) -> ProblemKind:
    """The kind of a code; for one that the catalogue does not have (a newer part refused), what its nature allows."""
    known = KIND_OF_CODE.get(code)
    if known is not None:
        return known
    return ProblemKind(code, 409 if retryable else 422, "The request was refused", retryable)
