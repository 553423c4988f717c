"""What `kinelog doctor` looks at in a model store, whichever: what is served, what could be brought back, the key."""

from __future__ import annotations

from collections.abc import Iterator

from kinelog.registry.auditing import Audited, audit, held_ready
from kinelog.registry.errors import RegistryError
from kinelog.registry.store import ModelStore
from kinelog.service.configuration import DataFolder
from kinelog.service.findings import Finding, Verdict
from kinelog.service.model_stores import given_key, signing_key


def examine_models(store: ModelStore, folder: DataFolder, *, signs_here: bool = True) -> Iterator[Finding]:
    """Each scope's champion as a phone would check it, and that its versions rise; then what is kept beside it.

    Args:
        store: Which.
        folder: Where the key that signs may lie.
        signs_here: Whether models are signed on this machine; if not, a missing key is well.
    """
    try:
        scopes = store.scopes()
        served = list(audit(store, scopes, champions=True))
        yield from _served(served)
        for scope in scopes:
            yield from (_kept(each) for each in held_ready(store, scope) if each.fault is not None)
        if served and (signs_here or given_key() is not None or folder.model_key.exists()):
            yield _signing(folder, store)
    except RegistryError as error:
        yield no_answer(error)


def no_answer(error: RegistryError) -> Finding:
    """The store cannot be read."""
    return Finding("models", Verdict.ILL, str(error), "bring the model store back from a backup")


def _served(served: list[Audited]) -> Iterator[Finding]:
    wrong = [each for each in served if each.fault is not None]
    if not wrong:
        yield Finding("models", Verdict.WELL, f"{len(served)} served, all of them as they were signed")
        return
    advice = "phones go on with the model that they have; `kinelog model verify` looks at all versions"
    yield Finding("models", Verdict.ILL, f"{len(served)} served, {len(wrong)} of them not to be believed", advice)
    for each in wrong:
        path = each.scope.path
        yield Finding(
            f"model {path}",
            Verdict.ILL,
            f"version {each.version}: {each.fault}",
            f"`kinelog model rollback {path}`, or bring the model store back from a backup",
        )


def _kept(each: Audited) -> Finding:
    path = each.scope.path
    if each.version:
        what, advice = f"version {each.version}", "a rollback would fail: bring the model store back from a backup"
    else:
        what, advice = "the challenger", "it cannot be promoted; the next night keeps another one"
    return Finding(f"model {path}", Verdict.WARNING, f"{what}, kept beside the champion: {each.fault}", advice)


def _signing(folder: DataFolder, store: ModelStore) -> Finding:
    try:
        key, trusted = signing_key(folder, store, may_make=False), store.keys()
    except RegistryError as error:
        return Finding("model key", Verdict.ILL, "no model can be published", str(error))
    if key.key_id not in {each.key_id for each in trusted}:
        advice = f"let a trusted key endorse it: `kinelog model key endorse {key.public.text}`"
        return Finding("model key", Verdict.ILL, f"{key.key_id} is not trusted by the store", advice)
    return Finding("model key", Verdict.WELL, f"{key.key_id} signs, and is trusted")
