"""Who may do what: tokens, roles, tenants, and what strangers are not told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.api.authorization import ROLES
from kinelog.api.context import CONTEXT
from kinelog.api.route_table import ROUTES
from kinelog.api.secrets_made import (
    hash_of,
    new_pairing_code,
    new_refresh_token,
    new_token,
    tenant_and_code,
    tenant_and_id,
)
from kinelog.domain.values import Role

Serve = Callable[..., None]
MakeFrame = Callable[..., bytes]
Seed = Callable[..., Awaitable[dict[str, str]]]
EXAMPLES = {
    "session": "6f1d7a52-0c3e-4a8b-9f21-5b7e2f60c9d4", "user": "ada", "device": "watch", "seq": "0", "number": "1",
    "gym": "city", "token": "t0", "cluster": "all", "sensors": "left-wrist", "hex": "0" * 64,
}  # fmt: skip
GUARDED = [route for route in ROUTES if route.permission is not None]


def _path(template: str) -> str:
    return template.format(**EXAMPLES)


@pytest.mark.parametrize(
    "header",
    [
        None, "", "Bearer", "Bearer ", "Basic a2w6a2w=", "Bearer kl.alpine.t0.short", "Bearer kl.Alpine.t0." + "a" * 43,
        "Bearer kl.alpine.t0." + "a" * 43, "Bearer kl.alpine.nobody." + "a" * 43, "Bearer kl.nowhere.t0." + "a" * 43,
        "Bearer " + "a" * 4000,
    ],
)  # fmt: skip
def test_nobody_gets_in_without_a_valid_token_and_all_are_told_the_same(serve: Serve, header: str | None) -> None:
    async def scenario(world: Any) -> None:
        headers = {} if header is None else {"Authorization": header}
        reply = await world.call("GET", "/v1/gyms", headers=headers)
        assert (reply.status, reply.code) == (401, "unauthenticated")
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")

    serve(scenario)


def test_every_guarded_route_asks_for_a_token_before_anything_else(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        for route in GUARDED:
            reply = await world.call(route.method, _path(route.path))
            assert (route.operation, reply.status) == (route.operation, 401)

    serve(scenario)


def test_every_route_is_closed_to_the_roles_that_the_table_does_not_name(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        world.tokens["device"] = await world.person()
        for route in GUARDED:
            assert route.permission is not None
            for role in Role:
                if role not in ROLES[route.permission]:
                    reply = await world.call(route.method, _path(route.path), role.value)
                    assert (route.operation, role, reply.status, reply.code) == (
                        route.operation, role, 403, "forbidden",
                    )  # fmt: skip

    serve(scenario)


def test_a_device_is_not_told_that_anybody_else_exists(serve: Serve, frame: MakeFrame, session: str) -> None:
    async def scenario(world: Any) -> None:
        ada = await world.person("ada")
        bob = await world.person("bob")
        await world.started(bob)
        await world.call("PUT", f"/v1/sessions/{session}/frames/watch/0", bob, data=frame())
        for path in (
            "/v1/users/{}/profile", "/v1/users/{}/consents", "/v1/users/{}/sessions", "/v1/users/{}/export",
            "/v1/users/{}/feedback", f"/v1/users/{{}}/sessions/{session}",
            f"/v1/users/{{}}/sessions/{session}/frames",
        ):  # fmt: skip
            known = await world.call("GET", path.format("bob"), ada)
            unknown = await world.call("GET", path.format("nobody"), ada)
            assert known.status == unknown.status == 404
            assert known.code == unknown.code
        deleted = await world.call("DELETE", "/v1/users/bob", ada)
        assert (deleted.status, deleted.code) == (404, "user-unknown")
        mine = await world.call("GET", f"/v1/sessions/{session}/frames", ada)
        assert (mine.status, mine.code) == (404, "session-unknown")

    serve(scenario)


def test_tenants_never_see_each_other(serve: Serve, frame: MakeFrame, session: str, seed: Seed) -> None:
    async def scenario(world: Any) -> None:
        ada = await world.person("ada")
        await world.call("PUT", "/v1/gyms/city", "owner", body={"name": "City", "time_zone": "Europe/Vienna"})
        position = (await world.started(ada, gym="city")).json["position"]
        await world.call("PUT", f"/v1/sessions/{session}/frames/watch/0", ada, data=frame())
        strangers = await seed(world.services.region, world.services.keys, "rival")
        for route in GUARDED:
            path = _path(route.path)
            if route.method != "GET" or path in ("/v1/gyms", "/v1/tokens", "/v1/models", "/v1/model-keys"):
                continue
            for role in ("owner", "trainer", "front-desk", "engineer"):
                reply = await world.call("GET", path, strangers[role])
                assert (path, role, reply.status in (403, 404)) == (path, role, True)
        assert (await world.call("GET", "/v1/gyms", strangers["owner"])).json == {"gyms": []}
        tokens = (await world.call("GET", "/v1/tokens", strangers["owner"])).json["tokens"]
        assert {token["device"] for token in tokens} == {None}
        erased = await world.call("DELETE", "/v1/users/ada", strangers["owner"])
        assert (erased.status, erased.code) == (404, "user-unknown")
        still = await world.call("GET", f"/v1/sessions/{session}?min_position={position}", ada)
        assert still.status == 200

    serve(scenario)


def test_a_revoked_token_ends_at_once_and_an_expired_one_on_time(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        body = {"role": "trainer", "note": "Eva", "expires_at_ms": world.clock() + 60_000}
        made = (await world.call("POST", "/v1/tokens", "owner", body=body)).json
        expiring = (await world.call("POST", "/v1/tokens", "owner", body=body)).json
        assert (await world.call("GET", "/v1/gyms", made["token"])).status == 200
        assert (await world.call("GET", "/v1/gyms", expiring["token"])).status == 200
        revoked = await world.call("DELETE", f"/v1/tokens/{made['token_id']}", "owner")
        assert revoked.json["changed"]
        assert (await world.call("GET", "/v1/gyms", made["token"])).status == 401
        world.clock.ahead_ms = 61_000
        assert (await world.call("GET", "/v1/gyms", expiring["token"])).status == 401
        listed = (await world.call("GET", "/v1/tokens", "owner")).json["tokens"]
        known = {token["token_id"]: token for token in listed}
        assert known[made["token_id"]]["revoked"] == "asked"
        assert made["token"] not in str(listed)

    serve(scenario)


def test_a_token_revoked_by_another_process_ends_within_the_trusted_time(serve: Serve) -> None:
    from kinelog.domain.commands import RevokeToken
    from kinelog.domain.identifiers import TENANT_PERSON, Person

    async def scenario(world: Any) -> None:
        assert (await world.call("GET", "/v1/gyms", "trainer")).status == 200
        trainer = tenant_and_id(world.tokens["trainer"], "kl")
        assert trainer is not None
        await world.tell(Person("alpine", TENANT_PERSON), RevokeToken(at_ms=world.clock(), token_id=trainer[1]))
        world.clock.ahead_ms = int(world.services.settings.tenant_ttl_s * 1000) + 1
        assert (await world.call("GET", "/v1/gyms", "trainer")).status == 401

    serve(scenario)


def test_a_trainer_sees_somebodys_training_only_with_consent(serve: Serve, session: str) -> None:
    async def scenario(world: Any) -> None:
        ada = await world.person()
        position = (await world.started(ada)).json["position"]
        path = f"/v1/users/ada/sessions/{session}?min_position={position}"
        refused = await world.call("GET", path, "trainer")
        assert (refused.status, refused.code) == (403, "consent-needed")
        await world.call("PUT", "/v1/users/ada/consents", ada, body={"purposes": ["trainer-access"]})
        assert (await world.call("GET", path, "trainer")).status == 200
        await world.call("PUT", "/v1/users/ada/consents", ada, body={"purposes": []})
        assert (await world.call("GET", path, "trainer")).status == 403

    serve(scenario)


def test_many_at_once_with_one_token_are_verified_by_one_reading(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        replies = await asyncio.gather(*(world.call("GET", "/v1/gyms", "owner") for _ in range(20)))
        assert {reply.status for reply in replies} == {200}

    serve(scenario)


# ── devices ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pairing_code_works_once_and_only_in_time(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        await world.call("PUT", "/v1/users/ada", "front-desk", body={})
        made = (await world.call("POST", "/v1/users/ada/pairing-codes", "front-desk")).json
        body = {"code": made["code"].lower(), "device": "phone", "kind": "iphone"}
        assert (await world.call("POST", "/v1/devices:pair", body=body)).status == 201
        again = await world.call("POST", "/v1/devices:pair", body=body)
        assert (again.status, again.code) == (404, "code-invalid")
        late = (await world.call("POST", "/v1/users/ada/pairing-codes", "front-desk")).json
        world.clock.ahead_ms = world.services.settings.pairing_code_ms + 1
        reply = await world.call("POST", "/v1/devices:pair", body={**body, "code": late["code"]})
        assert (reply.status, reply.code) == (404, "code-invalid")
        for code in ("alpine-AAAAAAAA", "nowhere-AAAAAAAA", "x", "alpine-AAAA"):
            reply = await world.call("POST", "/v1/devices:pair", body={**body, "code": code})
            assert (reply.status, reply.code) == (404, "code-invalid")

    serve(scenario)


def test_a_refresh_token_works_once_and_its_reuse_revokes_the_device(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        await world.call("PUT", "/v1/users/ada", "owner")
        code = (await world.call("POST", "/v1/users/ada/pairing-codes", "owner")).json["code"]
        body = {"code": code, "device": "phone", "kind": "iphone"}
        first = (await world.call("POST", "/v1/devices:pair", body=body)).json
        assert (first["user"], first["device"], first["tenant"]) == ("ada", "phone", "alpine")
        refresh = {"refresh_token": first["refresh_token"]}
        second = (await world.call("POST", "/v1/tokens:refresh", body=refresh)).json
        assert (await world.call("GET", "/v1/users/ada", first["token"])).status == 401
        assert (await world.call("GET", "/v1/users/ada", second["token"])).status == 200
        reused = await world.call("POST", "/v1/tokens:refresh", body=refresh)
        assert (reused.status, reused.code) == (401, "refresh-reused")
        assert (await world.call("GET", "/v1/users/ada", second["token"])).status == 401
        for wrong in ("nonsense", new_refresh_token("alpine", "t9"), new_refresh_token("nowhere", "t9")):
            reply = await world.call("POST", "/v1/tokens:refresh", body={"refresh_token": wrong})
            assert (reply.status, reply.code) == (401, "refresh-invalid")

    serve(scenario)


def test_made_up_refresh_tokens_do_not_make_known_tokens_be_verified_anew(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        assert (await world.call("GET", "/v1/gyms", "owner")).status == 200
        authentication = world.client.app[CONTEXT].authentication
        header = f"Bearer {world.tokens['owner']}"
        made_up = {"refresh_token": new_refresh_token("alpine", "t0")}
        assert (await world.call("POST", "/v1/tokens:refresh", body=made_up)).status == 401
        assert authentication.remembered(header, world.clock()) is not None
        authentication.distrust("alpine")
        assert authentication.remembered(header, world.clock()) is None

    serve(scenario)


def test_a_removed_device_cannot_send_any_more_and_others_can(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        phone = await world.person(device="phone")
        tablet = await world.person(device="tablet")
        assert (await world.call("DELETE", "/v1/devices/phone", tablet)).json["changed"]
        assert (await world.call("GET", "/v1/users/ada", phone)).status == 401
        devices = (await world.call("GET", "/v1/users/ada", tablet)).json["devices"]
        assert [device["device"] for device in devices] == ["tablet"]
        target = {"target": "apns:abc"}
        assert (await world.call("PUT", "/v1/devices/tablet/push-target", tablet, body=target)).json["changed"]
        unknown = await world.call("PUT", "/v1/devices/phone/push-target", tablet, body=target)
        assert (unknown.status, unknown.code) == (404, "device-unknown")
        assert (await world.call("DELETE", "/v1/users/ada/devices/tablet", "owner")).status == 200
        assert (await world.call("DELETE", "/v1/devices/tablet", "owner")).status == 400

    serve(scenario)


@given(st.sampled_from(["alpine", "a", "0-9", "x" * 32]))
@settings(max_examples=20)
def test_secrets_name_their_tenant_and_codes_survive_being_typed(tenant: str) -> None:
    token = new_token(tenant, "id_-1")
    assert tenant_and_id(token, "kl") == (tenant, "id_-1")
    assert tenant_and_id(token, "klr") is None
    assert tenant_and_id(new_refresh_token(tenant, "x"), "klr") == (tenant, "x")
    code = new_pairing_code(tenant)
    typed = code.lower().replace("0", "o").replace("1", "l") if tenant.isalpha() else code
    assert tenant_and_code(typed) == (tenant, code)
    assert len(hash_of(token)) == 64
