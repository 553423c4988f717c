"""Publications of models and the webhook: announced once, never backwards; who is told, and from when on."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.limits import Limits
from kinelog.domain.replies import Done

from tests.domain.ledger import MORNING, TENANT, Ledger

URL = "https://hooks.acme.example/kinelog"
SECRET = "c2VjcmV0"


def ledger_with_tenant() -> Ledger:
    ledger = Ledger()
    ledger.do(ask.CreateTenant(at_ms=MORNING, name="Acme"), TENANT)
    return ledger


@pytest.fixture
def acme() -> Ledger:
    return ledger_with_tenant()


def announced(version: int, cluster: str = "all", content: str = "ab") -> ask.AnnounceModel:
    return ask.AnnounceModel(
        at_ms=MORNING, cluster=cluster, sensors=("left-wrist",), version=version, blob=content * 32,
        manifest=content * 32, published_at_ms=MORNING,
    )  # fmt: skip


def hook(url: str = URL, secret: str = SECRET) -> ask.SetWebhook:
    return ask.SetWebhook(at_ms=MORNING, url=url, concealed_secret=secret)


def numbers(ledger: Ledger) -> list[int]:
    return [event.number for event in ledger.events(did.ModelPublished)]


def test_a_version_is_announced_once_however_often_it_is_told(acme: Ledger) -> None:
    assert acme.do(announced(1), TENANT) == Done()
    assert acme.do(announced(1), TENANT) == Done(changed=False)
    assert acme.do(msgspec.structs.replace(announced(1), at_ms=MORNING + 5), TENANT) == Done(changed=False)
    assert numbers(acme) == [1]


def test_a_version_is_never_announced_with_other_content(acme: Ledger) -> None:
    acme.do(announced(1), TENANT)
    refused = acme.refusal(announced(1, content="cd"), TENANT)
    assert (refused.code, refused.pointer) == ("model-version-used", "/version")


@given(st.lists(st.tuples(st.sampled_from(["all", "f"]), st.integers(1, 5)), max_size=30))
def test_versions_never_go_down_and_publications_are_counted_without_gaps(told: list[tuple[str, int]]) -> None:
    ledger = ledger_with_tenant()
    newest: dict[str, int] = {}
    for cluster, version in told:
        higher = version > newest.get(cluster, 0)
        assert ledger.do(announced(version, cluster), TENANT) == Done(changed=higher)
        newest[cluster] = max(version, newest.get(cluster, 0))
    events = ledger.events(did.ModelPublished)
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    for cluster, version in newest.items():
        versions = [event.version for event in events if event.cluster == cluster]
        assert versions == sorted(set(versions))
        known = ledger.tenant().models.get(f"{cluster}/left-wrist")
        assert known is not None
        assert known.version == version
    assert ledger.replayed(TENANT.persistence_id) == ledger.tenant()


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"cluster": "All"}, "/cluster"),
        ({"cluster": "../all"}, "/cluster"),
        ({"sensors": ()}, "/sensors"),
        ({"sensors": ("waist", "waist")}, "/sensors"),
        ({"sensors": ("a/b",)}, "/sensors"),
        ({"sensors": tuple(f"s{number}" for number in range(17))}, "/sensors"),
        ({"version": 0}, "/version"),
        ({"version": 1 << 53}, "/version"),
        ({"blob": "AB" * 32}, "/blob"),
        ({"manifest": "ab"}, "/manifest"),
        ({"published_at_ms": -1}, "/published_at_ms"),
    ],
)
def test_an_impossible_model_is_refused_at_its_field(acme: Ledger, changes: dict[str, object], pointer: str) -> None:
    refused = acme.refusal(msgspec.structs.replace(announced(1), **changes), TENANT)
    assert (refused.code, refused.pointer) == ("model-invalid", pointer)


def test_scopes_are_capped(acme: Ledger) -> None:
    acme.limits = Limits(models_per_tenant=1)
    acme.do(announced(1), TENANT)
    assert acme.refusal(announced(1, "f"), TENANT).code == "too-many-models"
    assert acme.do(announced(2), TENANT) == Done()


def test_a_webhook_is_owed_what_is_published_after_it_was_first_set(acme: Ledger) -> None:
    acme.do(announced(1), TENANT)
    assert acme.do(hook(), TENANT) == Done()
    assert acme.do(hook(), TENANT) == Done(changed=False)
    acme.do(announced(2), TENANT)
    assert acme.do(hook(url=URL + "/moved"), TENANT) == Done()
    webhook = acme.tenant().webhook
    assert webhook is not None
    assert (webhook.url, webhook.behind) == (URL + "/moved", 1)
    assert acme.do(ask.RemoveWebhook(at_ms=MORNING), TENANT) == Done()
    assert acme.do(ask.RemoveWebhook(at_ms=MORNING), TENANT) == Done(changed=False)
    assert acme.tenant().webhook is None
    acme.do(hook(), TENANT)
    again = acme.tenant().webhook
    assert again is not None
    assert again.behind == 2


@pytest.mark.parametrize(
    "url", ["", "hooks.acme.example", "ftp://acme.example/", "https://", "https://a b/", "https:///x"]
)
def test_a_webhook_has_a_url_of_the_web(acme: Ledger, url: str) -> None:
    refused = acme.refusal(hook(url=url), TENANT)
    assert (refused.code, refused.pointer) == ("webhook-invalid", "/url")


@pytest.mark.parametrize("secret", ["", "as it is!", "x" * 1025])
def test_a_secret_comes_concealed_or_not_at_all(acme: Ledger, secret: str) -> None:
    refused = acme.refusal(hook(secret=secret), TENANT)
    assert (refused.code, refused.pointer) == ("webhook-invalid", "/secret")
