"""A small service that keeps the HTTP interface's promises in memory, and things that go wrong on request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

OWNER = "kl.demo.owner.secret"


def decodable(data: bytes) -> bool:
    """Whether the bytes are a whole ae frame, muvr16 block or gfs block, judged by their lengths alone."""
    if data[:2] == b"ae":
        return len(data) >= 20 and len(data) == 20 + int.from_bytes(data[12:16], "little") // 3 * 5
    if len(data) < 5 or data[0] != 0xAD:
        return False
    return len(data) in (5 + 5 * data[1], 16 + max(1, 5 * data[1]))


@dataclass
class FakeService:
    """What the service keeps, and how it misbehaves.

    Attributes:
        refuse_next: Answers (status, code, Retry-After) for the next requests, whatever they are.
        store_but_drop_next: So many next frames are stored but never answered: the connection is cut.
        drop_pairing: The next pairing happens but its answer is lost.
        start_after_refusal: Sessions that start once a frame of theirs was refused for coming too early.
        forget: Frames that are acknowledged but not kept: what a simulator must notice.
        seen: Method and path of every request.
        queries: Of the requests with one frame.
    """

    frames: dict[str, dict[tuple[str, int], bytes]] = field(default_factory=dict)
    starts: dict[str, dict[str, object]] = field(default_factory=dict)
    ended: dict[str, dict[str, object]] = field(default_factory=dict)
    labels: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    corrections: list[tuple[str, str, str]] = field(default_factory=list)
    users: set[str] = field(default_factory=set)
    profiles: dict[str, dict[str, str]] = field(default_factory=dict)
    consents: dict[str, list[str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    rejects: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    refuse_next: list[tuple[int, str, str | None]] = field(default_factory=list)
    store_but_drop_next: int = 0
    drop_pairing: bool = False
    start_after_refusal: dict[str, dict[str, object]] = field(default_factory=dict)
    forget: set[int] = field(default_factory=set)
    seen: list[tuple[str, str]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    url: str = ""

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(middlewares=[self._middleware()])
        app.add_routes([
            web.put("/v1/users/{user}", self.put_user),
            web.put("/v1/users/{user}/profile", self.put_profile),
            web.get("/v1/users/{user}/consents", self.get_consents),
            web.put("/v1/users/{user}/consents", self.put_consents),
            web.post("/v1/users/{user}/pairing-codes", self.post_code),
            web.post("/v1/devices:pair", self.post_pair),
            web.post("/v1/tokens:refresh", self.post_refresh),
            web.put("/v1/sessions/{session}", self.put_session),
            web.put("/v1/sessions/{session}/frames/{device}/{seq}", self.put_frame),
            web.post("/v1/sessions/{session}/frames", self.post_frames),
            web.get("/v1/sessions/{session}/frames", self.get_frames),
            web.post("/v1/sessions/{session}/labels", self.post_label),
            web.patch("/v1/sessions/{session}/sets/{number}", self.patch_set),
            web.post("/v1/sessions/{session:[^:/]+}:end", self.post_end),
        ])  # fmt: skip
        return app

    def _middleware(self) -> Middleware:
        @web.middleware
        async def judge(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.seen.append((request.method, request.path))
            if self.refuse_next:
                status, code, retry_after = self.refuse_next.pop(0)
                return problem(status, code, retry_after)
            if request.path not in ("/v1/devices:pair", "/v1/tokens:refresh"):
                token = request.headers.get("Authorization", "").removeprefix("Bearer ")
                if token != OWNER and token not in self.tokens:
                    return problem(401, "unauthenticated")
            return await handler(request)

        return judge

    async def put_user(self, request: web.Request) -> web.Response:
        self.users.add(request.match_info["user"])
        return web.json_response({"position": "p"})

    async def put_profile(self, request: web.Request) -> web.Response:
        self.profiles[request.match_info["user"]] = await request.json()
        return web.json_response({"position": "p"})

    async def get_consents(self, request: web.Request) -> web.Response:
        return web.json_response({"purposes": self.consents.get(request.match_info["user"], [])})

    async def put_consents(self, request: web.Request) -> web.Response:
        self.consents[request.match_info["user"]] = (await request.json())["purposes"]
        return web.json_response({"position": "p", "changed": True})

    async def post_code(self, request: web.Request) -> web.Response:
        code = f"demo-{len(self.codes):08d}"
        self.codes[code] = request.match_info["user"]
        return web.json_response({"code": code, "expires_at_ms": 1})

    async def post_pair(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.drop_pairing:
            self.drop_pairing = False
            assert request.transport is not None
            request.transport.abort()
        user = self.codes.pop(body["code"], None)
        if user is None:
            return problem(404, "unknown-code")
        return self.fresh_token(user)

    async def post_refresh(self, request: web.Request) -> web.Response:
        body = await request.json()
        return self.fresh_token(body["refresh_token"].removeprefix("klr."))

    def fresh_token(self, user: str) -> web.Response:
        token = f"kl.demo.{len(self.seen)}.{user}"
        self.tokens[token] = user
        return web.json_response({"token": token, "refresh_token": f"klr.{user}", "device": "x"})

    async def put_session(self, request: web.Request) -> web.Response:
        session, body = request.match_info["session"], await request.json()
        if self.starts.setdefault(session, body) != body:
            return problem(409, "session-exists")
        return web.json_response({"position": "p"})

    def keep(self, session: str, device: str, sequence: int, data: bytes) -> str:
        if not decodable(data):
            self.rejects[session] = self.rejects.get(session, 0) + 1
            return "truncated-samples"
        known = self.frames.setdefault(session, {})
        if (device, sequence) not in known:
            known[device, sequence] = data
            return "stored"
        self.duplicates += known[device, sequence] == data
        return "duplicate" if known[device, sequence] == data else "frame-conflict"

    async def put_frame(self, request: web.Request) -> web.Response:
        session, device, sequence = (request.match_info[name] for name in ("session", "device", "seq"))
        if session not in self.starts:
            if session in self.start_after_refusal:
                self.starts[session] = self.start_after_refusal[session]
            return problem(409, "session-not-started")
        self.queries.append(request.query_string)
        outcome = self.keep(session, device, int(sequence), await request.read())
        if self.store_but_drop_next:
            self.store_but_drop_next -= 1
            assert request.transport is not None
            request.transport.abort()
        if outcome in ("stored", "duplicate"):
            return web.json_response({"status": outcome, "high_water": {device: int(sequence)}, "position": "p"})
        return problem(409 if outcome == "frame-conflict" else 422, outcome)

    async def post_frames(self, request: web.Request) -> web.Response:
        session = request.match_info["session"]
        body = await request.read()  # aiohttp inflates it
        frames = msgspec.msgpack.decode(body, type=list[tuple[str, int, bytes, int | None, str | None]])
        outcomes = [(device, seq, self.keep(session, device, seq, data)) for device, seq, data, *_ in frames]
        rejected = [
            {"device": device, "seq": seq, "type": f"/problems/{outcome}", "detail": "no"}
            for device, seq, outcome in outcomes
            if outcome not in ("stored", "duplicate")
        ]
        if len(rejected) == len(frames):
            return problem(422, "nothing-usable")
        return web.json_response({
            "accepted": sum(outcome == "stored" for *_, outcome in outcomes),
            "duplicate": sum(outcome == "duplicate" for *_, outcome in outcomes),
            "rejected": rejected, "high_water": {}, "position": "p",
        })  # fmt: skip

    def held(self, session: str, device: str) -> list[int]:
        """Sequence numbers that are kept."""
        return sorted(seq for name, seq in self.frames.get(session, {}) if name == device and seq not in self.forget)

    async def get_frames(self, request: web.Request) -> web.Response:
        session = request.match_info["session"]
        devices = {}
        for device in {name for name, _ in self.frames.get(session, {})}:
            held = self.held(session, device)
            high = held[-1] if held else -1
            missing = [[seq, seq] for seq in range(high) if seq not in set(held)]
            devices[device] = {
                "high_water": high,
                "stored": len(held),
                "expected": None,
                "missing": missing,
                "rejected": self.rejects.get(session, 0),
            }
        return web.json_response({"devices": devices})

    async def post_label(self, request: web.Request) -> web.Response:
        known = self.labels.setdefault(request.match_info["session"], [])
        body = await request.json()
        if body not in known:
            known.append(body)
        return web.json_response({"number": known.index(body) + 1, "version": 1, "position": "p"})

    async def patch_set(self, request: web.Request) -> web.Response:
        session, number = request.match_info["session"], request.match_info["number"]
        self.corrections.append((session, number, request.headers["If-Match"]))
        return web.json_response({"number": int(number), "version": 2, "position": "p"})

    async def post_end(self, request: web.Request) -> web.Response:
        session, body = request.match_info["session"], await request.json()
        missing = {
            device: [[seq, seq] for seq in range(count) if (device, seq) not in self.frames.get(session, {})]
            for device, count in body["frames"].items()
        }
        if any(missing.values()) and not body["final"]:
            return problem(409, "frames-missing", missing=missing)
        self.ended[session] = body
        return web.json_response({"position": "p"})


def problem(
    status: int, code: str, retry_after: str | None = None, missing: dict[str, list[list[int]]] | None = None
) -> web.Response:
    """A problem document."""
    body: dict[str, object] = {"type": f"/problems/{code}", "title": code, "status": status, "detail": "as told"}
    if missing is not None:
        body["missing"] = missing
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return web.json_response(body, status=status, headers=headers, content_type="application/problem+json")


@asynccontextmanager
async def serving(service: FakeService) -> AsyncIterator[FakeService]:
    """Serve on a free port of this machine."""
    runner = web.AppRunner(service.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()
