"""Published models over HTTP: exactly the signed bytes, to their own tenant only, and not twice to who has them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from kinelog.registry.errors import RegistryUnavailableError
from kinelog.registry.publishing import rollback
from kinelog.registry.scope import Scope
from kinelog.registry.signing import PublicKey, Signature, verify

from tests.registry.made_publications import KEY, OTHER_KEY, put

Serve = Callable[..., None]
Seed = Callable[..., Awaitable[dict[str, str]]]
SCOPE = Scope("alpine", "f-30s", ("left-wrist", "chest"))
PATH = "/v1/models/f-30s/left-wrist+chest"


async def announced(world: Any, count: int) -> list[Any]:
    """The list of models, once it has so many."""
    async with asyncio.timeout(60):
        while True:
            models = (await world.call("GET", "/v1/models", "owner")).json["models"]
            if len(models) == count:
                return list(models)
            world.clock.ahead_ms += 6_000  # what is known of a tenant is trusted for a few seconds


def test_a_manifest_is_served_as_it_was_signed_to_every_role(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        published = put(world.services.models, SCOPE)
        world.tokens["device"] = await world.person()
        for role in ("device", "owner", "trainer", "front-desk", "engineer"):
            reply = await world.call("GET", PATH, role)
            assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
            assert reply.body == published.manifest
            assert reply.headers["ETag"] == f'"{hashlib.sha256(reply.body).hexdigest()}"'
            assert "private" in reply.headers["Cache-Control"]
            signature = Signature.parse(reply.headers["Kinelog-Signature"])
            assert verify([KEY.public], reply.body, signature)
            assert not verify([KEY.public], reply.body + b" ", signature)

    serve(scenario)


def test_who_has_it_is_not_sent_it_again_until_there_is_a_newer_one(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        first = put(world.services.models, SCOPE)
        etag = (await world.call("GET", PATH, "owner")).headers["ETag"]
        for sent in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            same = await world.call("GET", PATH, "owner", headers={"If-None-Match": sent})
            assert (sent, same.status, same.body, same.headers["ETag"]) == (sent, 304, b"", etag)
            assert "Kinelog-Signature" in same.headers
        for sent in ('"other"', etag.strip('"'), ""):
            assert (await world.call("GET", PATH, "owner", headers={"If-None-Match": sent})).status == 200
        second = put(world.services.models, SCOPE, 1, after=first)
        async with asyncio.timeout(60):
            while (newer := await world.call("GET", PATH, "owner", headers={"If-None-Match": etag})).status == 304:
                pass
        assert newer.body == second.manifest

    serve(scenario)


def test_a_rollback_is_a_newer_version_with_the_older_blob(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        store = world.services.models
        store.add_key(KEY.public)
        first = put(store, SCOPE)
        put(store, SCOPE, 1, after=first)
        rollback(store, KEY, SCOPE)
        served = (await world.call("GET", PATH, "owner")).json
        assert (served["version"], served["restores"], served["weights"]["sha256"]) == (3, 1, first.blob)

    serve(scenario)


def test_a_blob_is_served_for_ever_and_to_its_tenant_only(serve: Serve, seed: Seed) -> None:
    async def scenario(world: Any) -> None:
        published = put(world.services.models, SCOPE)
        path = f"/v1/blobs/sha256:{published.blob}"
        strangers = await seed(world.services.region, world.services.keys, "rival")
        etag = ""
        for _ in range(2):  # the second time from the shelf, which must not forget whose it is either
            reply = await world.call("GET", path, "owner")
            assert hashlib.sha256(reply.body).hexdigest() == published.blob
            assert "immutable" in reply.headers["Cache-Control"]
            etag = reply.headers["ETag"]
            refused = await world.call("GET", path, strangers["owner"])
            assert (refused.status, refused.code) == (404, "blob-unknown")
            hidden = await world.call("GET", PATH, strangers["owner"])
            assert (hidden.status, hidden.code) == (404, "model-unknown")
        unchanged = await world.call("GET", path, "owner", headers={"If-None-Match": etag})
        assert (unchanged.status, unchanged.body) == (304, b"")
        unpublished = world.services.models.put_blob(b"never named by a manifest")
        assert (await world.call("GET", f"/v1/blobs/sha256:{unpublished}", "owner")).status == 404
        # Of two tenants that were given the same bytes each has them, without learning of the other.
        put(world.services.models, Scope("rival", "all", ("left-wrist", "chest")))
        assert (await world.call("GET", path, strangers["owner"])).status == 200

    serve(scenario)


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v1/models/All/left-wrist", "cluster"),
        ("/v1/models/all/left-wrist+left-wrist", "sensors"),
        ("/v1/models/all/+", "sensors"),
        ("/v1/models/all/" + "+".join(f"s{number}" for number in range(17)), "sensors"),
        ("/v1/models/all/" + "a" * 900, "sensors"),
        ("/v1/models/..%2Fall/left-wrist", "cluster"),
        ("/v1/blobs/sha256:" + "A" * 64, "hex"),
        ("/v1/blobs/sha256:" + "0" * 63, "hex"),
    ],
)
def test_a_name_that_no_model_can_have_is_refused_at_its_parameter(serve: Serve, path: str, parameter: str) -> None:
    async def scenario(world: Any) -> None:
        reply = await world.call("GET", path, "owner")
        assert (reply.status, reply.code) == (400, "invalid-parameter")
        assert reply.json["errors"][0]["parameter"] == parameter

    serve(scenario)


def test_the_list_tells_the_newest_version_of_each_model_of_the_tenant(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        store = world.services.models
        first = put(store, SCOPE)
        newest = put(store, SCOPE, 1, after=first)
        put(store, Scope("alpine", "all", ("waist",)))
        put(store, Scope("rival", "all", ("waist",)))
        models = await announced(world, 2)
        assert [(model["cluster"], model["sensors"]) for model in models] == [
            ("all", ["waist"]), ("f-30s", ["left-wrist", "chest"]),
        ]  # fmt: skip
        async with asyncio.timeout(60):
            while (listed := (await announced(world, 2))[1])["version"] != 2:
                world.clock.ahead_ms += 6_000
        assert listed["manifest_sha256"] == hashlib.sha256(newest.manifest).hexdigest()
        assert (await world.call("GET", listed["manifest"], "owner")).body == newest.manifest
        assert (await world.call("GET", listed["blob"], "owner")).status == 200

    serve(scenario)


def test_a_person_has_the_models_of_the_finest_cluster_that_has_one(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        ada, bob = await world.person("ada"), await world.person("bob")
        profile = {"sex": "female", "age_group": "30s", "proficiency": "intermediate"}
        await world.call("PUT", "/v1/users/ada/profile", ada, body=profile)
        nothing = (await world.call("GET", "/v1/users/ada/cluster", ada)).json
        assert nothing == {"cluster": "all", "parents": [], "models": []}
        store = world.services.models
        for cluster, sensors in (
            ("all", ("left-wrist",)), ("all", ("waist",)), ("f", ("waist",)), ("f-30s", ("left-wrist",)),
            ("m", ("chest",)),
        ):  # fmt: skip
            put(store, Scope("alpine", cluster, sensors))
        await announced(world, 5)
        hers = (await world.call("GET", "/v1/users/ada/cluster", ada)).json
        assert (hers["cluster"], hers["parents"]) == ("f-30s", ["f", "all"])
        assert [(model["cluster"], model["sensors"]) for model in hers["models"]] == [
            ("f-30s", ["left-wrist"]), ("f", ["waist"]),
        ]  # fmt: skip
        for model in hers["models"]:
            assert (await world.call("GET", model["manifest"], ada)).status == 200
        his = (await world.call("GET", "/v1/users/bob/cluster", "front-desk")).json
        assert (his["cluster"], [model["cluster"] for model in his["models"]]) == ("all", ["all", "all"])
        await world.call("PUT", "/v1/users/ada/profile", ada, body={"sex": "female"})
        assert (await world.call("GET", "/v1/users/ada/cluster", ada)).json["cluster"] == "f"
        hidden = await world.call("GET", "/v1/users/ada/cluster", bob)
        assert (hidden.status, hidden.code) == (404, "user-unknown")

    serve(scenario)


def test_keys_are_told_with_their_endorsements(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        store = world.services.models
        assert (await world.call("GET", "/v1/model-keys", "owner")).json == {"keys": []}
        store.add_key(KEY.public)
        store.add_key(KEY.endorse(OTHER_KEY.public))
        keys = (await world.call("GET", "/v1/model-keys", "owner")).json["keys"]
        assert [key["key_id"] for key in keys] == [KEY.key_id, OTHER_KEY.key_id]
        follower = PublicKey(PublicKey.parse(keys[1]["public"]).public, Signature.parse(keys[1]["endorsement"]))
        assert follower.endorsed_by(PublicKey.parse(keys[0]["public"]))

    serve(scenario)


def test_a_model_store_that_does_not_answer_is_said_to_be_away(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: Any) -> None:
        def away(*_: object) -> None:
            raise RegistryUnavailableError("away")

        for method in ("champion", "serves", "keys"):
            monkeypatch.setattr(world.services.models, method, away)
        for path in (PATH, "/v1/blobs/sha256:" + "0" * 64, "/v1/model-keys"):
            reply = await world.call("GET", path, "owner")
            assert (path, reply.status, reply.code) == (path, 503, "unavailable")
            assert reply.headers["Retry-After"]

    serve(scenario)
