"""The table of all routes: what is served, to whom, and how it is described, in one place.

Routes about a session exist twice: `/v1/sessions/{session}…`, whose person is the token's or found by the id, and
`/v1/users/{user}/sessions/{session}…`, which says whose it is.
"""

from __future__ import annotations

from dataclasses import replace

from kinelog.api import (
    decoding,
    devices,
    export,
    frames,
    gyms,
    live_stream,
    operations,
    people,
    session_reading,
    sessions,
    sets,
    tokens,
)
from kinelog.api import documents as answer
from kinelog.api import parameters as p
from kinelog.api import requests as ask
from kinelog.api.authorization import Permission
from kinelog.api.model_routes import MODEL_ROUTES
from kinelog.api.problem_catalogue import CODEC_CODES
from kinelog.api.route import HAVE_IT, Answered, Body, Route
from kinelog.api.settings import ApiSettings

_SETTINGS = ApiSettings()
_LIMIT = p.limit_parameter(_SETTINGS.page_rows_max, _SETTINGS.page_rows)
_SAMPLE_LIMIT = p.Parameter(
    "limit", "query", "Runs of samples in one answer.",
    {"type": "integer", "minimum": session_reading.LEAST_SAMPLE_ROWS, "maximum": _SETTINGS.sample_rows_max},
)  # fmt: skip
_ETAG = {"ETag": "Version of the set; what If-Match must show."}
_WRITTEN = Answered(200, "It holds now.", answer.Written)
_CREATED = Answered(201, "Created.", answer.Written)
_READ = ("bad-position", "view-behind")
_SESSION = ("session-unknown", "ambiguous-session", "user-unknown", "user-erased", "session-deleted")
_STARTED = (*_SESSION, "session-not-started")
_PERSON = ("user-unknown", "user-erased")
_FRAME = (
    "frame-conflict", "frame-too-large", "too-many-frames", "too-many-devices", "sequence-out-of-range",
    "start-required", "start-out-of-range", "device-invalid", "bad-content-encoding", *CODEC_CODES,
)  # fmt: skip
_LABEL = ("label-invalid", "label-id-used", "set-overlaps", "set-outside-session", "too-many-sets", "consent-needed")

# The first is the hot path: the router looks at routes below /v1/sessions in this order.
_FRAME_ROUTES = (
    Route(
        method="PUT", path="/v1/sessions/{session}/frames/{device}/{seq}", operation="putFrame", tag="ingest",
        summary="Record one frame.", permission=Permission.INGEST, handler=frames.put_frame,
        parameters=(p.SESSION, p.DEVICE, p.SEQUENCE, p.FORMAT, p.START),
        body=Body(media=(frames.OCTETS,), description="The frame's bytes as the device sent them."),
        answers=(
            Answered(201, "Stored now.", answer.FrameAnswer),
            Answered(200, "A duplicate of what was stored before.", answer.FrameAnswer),
        ),
        problems=(*_STARTED, *_FRAME),
    ),
    Route(
        method="POST", path="/v1/sessions/{session}/frames", operation="postFrames", tag="ingest",
        summary="Record many frames, each judged by itself.", permission=Permission.INGEST,
        handler=frames.post_frames, parameters=(p.SESSION, p.FORMAT, p.START, p.DEVICE_QUERY, p.SEQUENCE_QUERY),
        body=Body(
            media=(frames.MSGPACK, frames.MULTIPACKET),
            description="msgpack [[device, seq, bytes, start_ms?, format?], …], or a MultiPacket.",
        ),
        answers=(Answered(200, "What became of each; at least one is stored.", answer.BatchAnswer),),
        problems=(*_STARTED, "invalid-batch", "nothing-usable", "frame-conflict", "bad-content-encoding"),
    ),
    Route(
        method="GET", path="/v1/sessions/{session}/frames", operation="getFrames", tag="ingest",
        summary="High water, gaps and rejects of each device.", permission=Permission.READ_FRAMES,
        handler=frames.get_frames, parameters=(p.SESSION,),
        answers=(Answered(200, "What is stored.", answer.FramesDocument),), problems=(*_SESSION, "consent-needed"),
    ),
)  # fmt: skip

_SESSION_ROUTES = (
    Route(
        method="PUT", path="/v1/sessions/{session}", operation="startSession", tag="ingest",
        summary="Start a session under the phone's own id.", permission=Permission.INGEST,
        handler=sessions.start_session, parameters=(p.SESSION,), body=Body(ask.StartSessionRequest),
        answers=(_CREATED, _WRITTEN),
        problems=(
            *_PERSON, "session-id-used", "session-deleted", "session-invalid", "started-in-future",
            "too-many-sessions",
        ),
    ),
    Route(
        method="POST", path="/v1/sessions/{session}:end", operation="endSession", tag="ingest",
        summary="End a session; refused with the missing ranges unless all frames came.",
        permission=Permission.INGEST, handler=sessions.end_session, parameters=(p.SESSION,),
        body=Body(ask.EndSessionRequest, required=False), answers=(_WRITTEN,),
        problems=(
            *_STARTED, "frames-missing", "frames-invalid", "too-many-devices", "ended-before-start", "ended-in-future",
        ),
    ),
    Route(
        method="POST", path="/v1/sessions/{session}:abandon", operation="abandonSession", tag="ingest",
        summary="Give a session up; what arrives later still completes it.", permission=Permission.INGEST,
        handler=sessions.abandon_session, parameters=(p.SESSION,),
        body=Body(ask.AbandonSessionRequest, required=False), answers=(_WRITTEN,),
        problems=(*_SESSION, "session-ended", "session-active", "session-invalid"),
    ),
    Route(
        method="DELETE", path="/v1/sessions/{session}", operation="deleteSession", tag="ingest",
        summary="Delete a session; it leaves every view.", permission=Permission.DELETE_TRAINING,
        handler=sessions.delete_session, parameters=(p.SESSION,), answers=(_WRITTEN,), problems=_SESSION,
    ),
    Route(
        method="POST", path="/v1/sessions/{session}/labels", operation="postLabels", tag="ingest",
        summary="Say that a set was done, or several.", permission=Permission.LABEL, handler=sets.post_labels,
        parameters=(p.SESSION,), body=Body(sets.LABELS_SHAPE, description="One label, or a list of up to 200."),
        answers=(
            Answered(201, "A new set.", answer.SetAnswer, headers=_ETAG),
            Answered(200, "A repeat of a label; or what became of each of a list.", sets.LABELS_ANSWER, headers=_ETAG),
        ),
        problems=(*_STARTED, *_LABEL),
    ),
    Route(
        method="PATCH", path="/v1/sessions/{session}/sets/{number}", operation="patchSet", tag="ingest",
        summary="Correct a set.", permission=Permission.LABEL, handler=sets.patch_set,
        parameters=(p.SESSION, p.SET_NUMBER, p.IF_MATCH),
        body=Body(ask.CorrectSetRequest, media=("application/json", "application/merge-patch+json")),
        answers=(Answered(200, "Corrected, or corrected so before.", answer.SetAnswer, headers=_ETAG),),
        problems=(*_STARTED, *_LABEL, "set-unknown", "set-stale", "precondition-required"),
    ),
    Route(
        method="PUT", path="/v1/sessions/{session}/feedback", operation="putSessionFeedback", tag="ingest",
        summary="Rate a session.", permission=Permission.INGEST, handler=people.put_session_feedback,
        parameters=(p.SESSION,), body=Body(ask.FeedbackRequest), answers=(_WRITTEN,),
        problems=(*_SESSION, "feedback-invalid"),
    ),
    Route(
        method="GET", path="/v1/sessions/{session}", operation="getSession", tag="read", summary="One session.",
        permission=Permission.READ_TRAINING, handler=session_reading.get_session,
        parameters=(p.SESSION, p.MIN_POSITION),
        answers=(Answered(200, "The session.", answer.SessionDocument),),
        problems=(*_SESSION, *_READ, "consent-needed"),
    ),
    Route(
        method="GET", path="/v1/sessions/{session}/sets", operation="getSets", tag="read",
        summary="Sets of a session, detected and corrected apart.", permission=Permission.READ_TRAINING,
        handler=sets.get_sets, parameters=(p.SESSION, p.MIN_POSITION),
        answers=(Answered(200, "The sets.", answer.SetList),), problems=(*_SESSION, *_READ, "consent-needed"),
    ),
    Route(
        method="GET", path="/v1/sessions/{session}/sets/{number}", operation="getSet", tag="read",
        summary="One set with its ETag, never behind a write.", permission=Permission.READ_TRAINING,
        handler=sets.get_set, parameters=(p.SESSION, p.SET_NUMBER, p.IF_NONE_MATCH),
        answers=(Answered(200, "The set.", answer.SetDocument, headers=_ETAG), HAVE_IT),
        problems=(*_SESSION, "set-unknown", "consent-needed"),
    ),
    Route(
        method="GET", path="/v1/sessions/{session}/samples", operation="getSamples", tag="read",
        summary="Sensor data of a session.", permission=Permission.READ_TRAINING,
        handler=session_reading.get_samples,
        parameters=(p.SESSION, p.FROM, p.TO, _SAMPLE_LIMIT, p.MIN_POSITION),
        answers=(Answered(200, "Runs of samples.", answer.SampleList),),
        problems=(*_SESSION, *_READ, "consent-needed"),
    ),
)  # fmt: skip

_PEOPLE_ROUTES = (
    Route(
        method="PUT", path="/v1/users/{user}", operation="putUser", tag="people", summary="Register a person.",
        permission=Permission.ENROL, handler=people.put_user, parameters=(p.USER,),
        body=Body(ask.RegisterUserRequest, required=False), answers=(_CREATED, _WRITTEN),
        problems=(*_PERSON, "profile-invalid"),
    ),
    Route(
        method="GET", path="/v1/users/{user}", operation="getUser", tag="people", summary="A person.",
        permission=Permission.READ_PERSON, handler=people.get_user, parameters=(p.USER,),
        answers=(Answered(200, "The person.", answer.UserDocument),), problems=_PERSON,
    ),
    Route(
        method="DELETE", path="/v1/users/{user}", operation="deleteUser", tag="people",
        summary="Forget a person for ever.", permission=Permission.ERASE, handler=people.delete_user,
        parameters=(p.USER,), answers=(Answered(200, "Nothing of the person can be read any more.", answer.Written),),
        problems=_PERSON,
    ),
    Route(
        method="GET", path="/v1/users/{user}/export", operation="exportUser", tag="people",
        summary="Everything that is known of a person, in open formats.", permission=Permission.EXPORT,
        handler=export.export_user, parameters=(p.USER,),
        answers=(Answered(200, "A zip of JSON and CSV files.", media="application/zip"),), problems=_PERSON,
    ),
    Route(
        method="PUT", path="/v1/users/{user}/profile", operation="putProfile", tag="people",
        summary="Replace the profile.", permission=Permission.CHANGE_PERSON, handler=people.put_profile,
        parameters=(p.USER,), body=Body(ask.ProfileFields), answers=(_WRITTEN,), problems=(*_PERSON, "profile-invalid"),
    ),
    Route(
        method="GET", path="/v1/users/{user}/profile", operation="getProfile", tag="people", summary="The profile.",
        permission=Permission.READ_PERSON, handler=people.get_profile, parameters=(p.USER,),
        answers=(Answered(200, "The profile.", answer.ProfileDocument),), problems=_PERSON,
    ),
    Route(
        method="PUT", path="/v1/users/{user}/consents", operation="putConsents", tag="people",
        summary="Set what the person consents to.", permission=Permission.CONSENT, handler=people.put_consents,
        parameters=(p.USER,), body=Body(ask.ConsentsRequest), answers=(_WRITTEN,), problems=_PERSON,
    ),
    Route(
        method="GET", path="/v1/users/{user}/consents", operation="getConsents", tag="people",
        summary="What the person consents to.", permission=Permission.READ_PERSON, handler=people.get_consents,
        parameters=(p.USER,), answers=(Answered(200, "The purposes.", answer.ConsentsDocument),), problems=_PERSON,
    ),
    Route(
        method="PUT", path="/v1/users/{user}/feedback", operation="putFeedback", tag="people",
        summary="Rate a suggestion or a session.", permission=Permission.CHANGE_PERSON, handler=people.put_feedback,
        parameters=(p.USER,), body=Body(ask.FeedbackRequest), answers=(_WRITTEN,),
        problems=(*_PERSON, "feedback-invalid", "session-unknown"),
    ),
    Route(
        method="GET", path="/v1/users/{user}/feedback", operation="getFeedback", tag="people",
        summary="Ratings that the person gave.", permission=Permission.CHANGE_PERSON, handler=people.get_feedback,
        parameters=(p.USER,), answers=(Answered(200, "The ratings.", answer.FeedbackList),), problems=_PERSON,
    ),
    Route(
        method="GET", path="/v1/users/{user}/sessions", operation="getUserSessions", tag="read",
        summary="Sessions of a person, newest first.", permission=Permission.READ_TRAINING,
        handler=session_reading.user_sessions, parameters=(p.USER, p.FROM, p.TO, p.CURSOR, _LIMIT, p.MIN_POSITION),
        answers=(Answered(200, "A page.", answer.SessionPage),),
        problems=(*_PERSON, *_READ, "bad-cursor", "consent-needed"),
    ),
)  # fmt: skip

_DEVICE_ROUTES = (
    Route(
        method="POST", path="/v1/users/{user}/pairing-codes", operation="createPairingCode", tag="devices",
        summary="Make a code that pairs one device with the person.", permission=Permission.PAIR,
        handler=devices.create_pairing_code, parameters=(p.USER,), body=Body(ask.NoFields, required=False),
        answers=(Answered(201, "The code.", answer.PairingCodeAnswer),), problems=(*_PERSON, "too-many-codes"),
    ),
    Route(
        method="POST", path="/v1/devices:pair", operation="pairDevice", tag="devices",
        summary="Exchange a pairing code for the device's tokens.", open_handler=devices.pair_device,
        body=Body(ask.PairDeviceRequest), answers=(Answered(201, "The tokens.", answer.DeviceTokens),),
        problems=(
            "busy", "code-invalid", "device-invalid", "too-many-devices", "too-many-tokens", "too-many-tries", *_PERSON,
        ),
    ),
    Route(
        method="POST", path="/v1/tokens:refresh", operation="refreshTokens", tag="devices",
        summary="Exchange a refresh token, once, for new tokens.", open_handler=devices.refresh_tokens,
        body=Body(ask.RefreshTokenRequest), answers=(Answered(200, "The tokens.", answer.DeviceTokens),),
        problems=("busy", "refresh-invalid", "refresh-reused"),
    ),
    Route(
        method="DELETE", path="/v1/devices/{device}", operation="deleteDevice", tag="devices",
        summary="Forget a device and revoke its tokens.", permission=Permission.CHANGE_PERSON,
        handler=devices.delete_device, parameters=(p.DEVICE,), answers=(_WRITTEN,), problems=_PERSON,
    ),
    Route(
        method="PUT", path="/v1/devices/{device}/push-target", operation="putPushTarget", tag="devices",
        summary="Say where a device can be notified.", permission=Permission.CHANGE_PERSON,
        handler=devices.put_push_target, parameters=(p.DEVICE,), body=Body(ask.PushTargetRequest),
        answers=(_WRITTEN,), problems=(*_PERSON, "device-unknown", "push-target-invalid"),
    ),
)  # fmt: skip

_TOKEN_ROUTES = (
    Route(
        method="POST", path="/v1/tokens", operation="createToken", tag="tokens",
        summary="Create a token for an operator or engineer.", permission=Permission.TOKENS,
        handler=tokens.create_token, body=Body(ask.CreateTokenRequest),
        answers=(Answered(201, "The token, shown this once.", answer.TokenAnswer),),
        problems=("token-invalid", "expiry-invalid", "too-many-tokens"),
    ),
    Route(
        method="GET", path="/v1/tokens", operation="listTokens", tag="tokens", summary="The tenant's tokens.",
        permission=Permission.TOKENS, handler=tokens.list_tokens,
        answers=(Answered(200, "The tokens, newest first.", answer.TokenList),),
    ),
    Route(
        method="DELETE", path="/v1/tokens/{token}", operation="deleteToken", tag="tokens", summary="Revoke a token.",
        permission=Permission.TOKENS, handler=tokens.delete_token, parameters=(p.TOKEN_ID,), answers=(_WRITTEN,),
        problems=("token-unknown",),
    ),
)  # fmt: skip

_PLACE_ROUTES = (
    Route(
        method="GET", path="/v1/gyms", operation="listGyms", tag="places", summary="The tenant's gyms.",
        permission=Permission.READ_PLACES, handler=gyms.list_gyms,
        answers=(Answered(200, "The gyms.", answer.GymList),),
    ),
    Route(
        method="PUT", path="/v1/gyms/{gym}", operation="putGym", tag="places", summary="Create or replace a gym.",
        permission=Permission.CHANGE_PLACES, handler=gyms.put_gym, parameters=(p.GYM,), body=Body(ask.GymRequest),
        answers=(_CREATED, _WRITTEN), problems=("gym-invalid", "too-many-gyms"),
    ),
    Route(
        method="GET", path="/v1/gyms/{gym}", operation="getGym", tag="places", summary="One gym.",
        permission=Permission.READ_PLACES, handler=gyms.get_gym, parameters=(p.GYM,),
        answers=(Answered(200, "The gym.", answer.GymDocument),), problems=("gym-unknown",),
    ),
    Route(
        method="GET", path="/v1/gyms/{gym}/sessions", operation="getGymSessions", tag="places",
        summary="Sessions at a gym, newest first.", permission=Permission.WATCH_PLACE,
        handler=session_reading.gym_sessions, parameters=(p.GYM, p.FROM, p.TO, p.CURSOR, _LIMIT, p.MIN_POSITION),
        answers=(Answered(200, "A page.", answer.SessionPage),), problems=(*_READ, "bad-cursor", "gym-unknown"),
    ),
    Route(
        method="GET", path="/v1/gyms/{gym}/live", operation="getLive", tag="places",
        summary="Who is training now, and everything that happens, as server-sent events.",
        permission=Permission.WATCH_PLACE, handler=live_stream.get_live, parameters=(p.GYM, p.LAST_EVENT_ID),
        answers=(Answered(200, "A stream of events.", media=live_stream.EVENT_STREAM),), problems=("gym-unknown",),
    ),
    Route(
        method="GET", path="/v1/gyms/{gym}/occupancy", operation="getOccupancy", tag="places",
        summary="Sessions by hour, in the gym's own time.", permission=Permission.READ_FIGURES,
        handler=gyms.get_occupancy, parameters=(p.GYM, p.FROM_HOUR, p.TO_HOUR, p.MIN_POSITION),
        answers=(Answered(200, "The hours.", answer.OccupancyDocument),), problems=(*_READ, "gym-unknown"),
    ),
    Route(
        method="GET", path="/v1/gyms/{gym}/stations", operation="getStationUse", tag="places",
        summary="Use of stations by day, in the gym's own time.", permission=Permission.READ_FIGURES,
        handler=gyms.get_station_use, parameters=(p.GYM, p.FROM_DAY, p.TO_DAY, p.MIN_POSITION),
        answers=(Answered(200, "The stations.", answer.StationUseDocument),), problems=(*_READ, "gym-unknown"),
    ),
)  # fmt: skip

_OTHER_ROUTES = (
    Route(
        method="POST", path="/v1/frames:decode", operation="decodeFrame", tag="ingest",
        summary="What every field and sample of these bytes means; stores nothing.", permission=Permission.DECODE,
        handler=decoding.decode_frame, parameters=(p.FORMAT,), body=Body(media=(frames.OCTETS,)),
        answers=(Answered(200, "The frame, taken apart.", answer.DecodedFrame),),
        problems=("bad-content-encoding", *CODEC_CODES),
    ),
    Route(
        method="GET", path="/v1/openapi.json", operation="getOpenApi", tag="operations", summary="This document.",
        open_handler=operations.openapi, answers=(Answered(200, "OpenAPI 3.1."),),
    ),
    Route(
        method="GET", path="/metrics", operation="getMetrics", tag="operations", summary="Figures for Prometheus.",
        open_handler=operations.metrics, answers=(Answered(200, "Figures.", media="text/plain"),),
    ),
    Route(
        method="GET", path="/health/live", operation="getLiveness", tag="operations", summary="The process lives.",
        open_handler=operations.live, answers=(Answered(200, "Alive.", answer.Health),),
    ),
    Route(
        method="GET", path="/health/ready", operation="getReadiness", tag="operations",
        summary="The process takes requests.", open_handler=operations.ready,
        answers=(Answered(200, "Ready.", answer.Health),),
    ),
)  # fmt: skip


def _of_user(route: Route) -> Route:
    """The same route under the user whose session or device it is."""
    return replace(
        route,
        path="/v1/users/{user}" + route.path.removeprefix("/v1"),
        operation=route.operation + "OfUser",
        parameters=(p.USER, *route.parameters),
        problems=tuple(dict.fromkeys((*route.problems, "user-unknown"))),
    )


_BY_SESSION = _FRAME_ROUTES + _SESSION_ROUTES
_BY_DEVICE = tuple(route for route in _DEVICE_ROUTES if "{device}" in route.path)

ROUTES: tuple[Route, ...] = (
    *_BY_SESSION, *map(_of_user, _BY_SESSION), *_PEOPLE_ROUTES, *_DEVICE_ROUTES, *map(_of_user, _BY_DEVICE),
    *_TOKEN_ROUTES, *_PLACE_ROUTES, *MODEL_ROUTES, *_OTHER_ROUTES,
)  # fmt: skip
