"""`kinelog model publish|promote|rollback|restored|copy`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import click
import msgspec
from kinelog.registry.records import Published
from kinelog.registry.scope import Scope
from kinelog.registry.store import ModelStore
from kinelog.service.configuration import EMBEDDED, DataFolder, Settings, load_settings
from kinelog.service.known_tenants import require_tenant
from kinelog.service.model_stores import model_store, signing_key
from kinelog.service.options import data_option, json_option, print_result, scope_argument, store_option

FILE_TO_READ = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@scope_argument
@click.option("--blob", type=FILE_TO_READ, required=True, help="The model.")
@click.option("--draft", type=FILE_TO_READ, required=True, help="JSON: fitted_on, labels, metrics, dataset.")
@click.option("--as-challenger", is_flag=True, help="Keep it beside the champion for `promote`; publish nothing.")
@data_option
@store_option
@json_option
def publish(
    scope: Scope, *, blob: Path, draft: Path, as_challenger: bool, data: Path, store: str | None, as_json: bool
) -> None:
    """Check a model as a phone would, sign it and make it the scope's champion.

    Publishing again what is the champion already changes nothing. A tenant that nobody has created is refused (65).

    \b
    Example:
      kinelog model publish iron-works/all/left-wrist --blob model.bin --draft draft.json --data .data
    """
    from kinelog.registry.manifest import read_draft
    from kinelog.registry.publishing import keep_challenger, publish_model

    folder, settings = DataFolder(data), load_settings(data, store=store)
    # Before the store is opened: a name that was mistyped makes none.
    require_tenant(folder, settings, scope.tenant)
    with model_store(folder, settings, make=True) as models:
        said, weights = read_draft(draft.read_bytes()), blob.read_bytes()
        if as_challenger:
            kept = keep_challenger(models, scope, said, weights)
            print_result({"challenger": kept.blob}, f"kept beside the champion: sha256:{kept.blob}", as_json=as_json)
            return
        done = publish_model(models, signing_key(folder, models), scope, said, weights)
    _print_published(done, as_json=as_json)


@click.command()
@scope_argument
@data_option
@store_option
@json_option
def promote(scope: Scope, *, data: Path, store: str | None, as_json: bool) -> None:
    """Publish the challenger.

    \b
    Example:
      kinelog model promote iron-works/all/left-wrist --data .data
    """
    from kinelog.registry.publishing import promote as promote_model

    folder, settings = DataFolder(data), load_settings(data, store=store)
    with model_store(folder, settings) as models:
        require_tenant(folder, settings, scope.tenant)
        done = promote_model(models, signing_key(folder, models), scope)
    _print_published(done, as_json=as_json)


@click.command()
@scope_argument
@click.option("--to", type=int, help="The version whose model to bring back.  [default: the one served before]")
@data_option
@store_option
@json_option
def rollback(scope: Scope, *, to: int | None, data: Path, store: str | None, as_json: bool) -> None:
    """Publish an older model again, newly signed, as the next version.

    Each call without --to goes back further. A call with --to may be repeated; with --to and the champion's own
    version the champion is signed anew, if the key is another one by now.

    \b
    Examples:
      kinelog model rollback iron-works/all/left-wrist --data .data
      kinelog model rollback iron-works/all/left-wrist --to 1 --data .data
    """
    from kinelog.registry.publishing import rollback as roll_back

    folder, settings = DataFolder(data), load_settings(data, store=store)
    with model_store(folder, settings) as models:
        require_tenant(folder, settings, scope.tenant)
        done = roll_back(models, signing_key(folder, models), scope, to=to)
    _print_published(done, as_json=as_json)


def _print_published(done: Published, *, as_json: bool) -> None:
    restored = None if done.origin == done.version else done.origin
    result: dict[str, object] = {
        "scope": done.scope.path,
        "version": done.version,
        "restores": restored,
        "blob": done.blob,
        "key": done.signature.key_id,
    }
    what = f"the model of version {restored}" if restored else f"sha256:{done.blob[:16]}…"
    print_result(result, f"{done.scope.path} version {done.version}: {what}", as_json=as_json)


@click.command()
@data_option
@store_option
@json_option
def restored(*, data: Path, store: str | None, as_json: bool) -> None:
    """Say that a cluster's models were put back from a backup: versions go on far above those that phones may hold.

    `kinelog restore` does this by itself. Once more does no harm.

    \b
    Example:
      kinelog model restored --store cassandra://127.0.0.1/kinelog
    """
    with model_store(DataFolder(data), load_settings(data, store=store)) as models:
        models.begin_anew()
    print_result({"begun_anew": True}, "versions go on above all that were given before", as_json=as_json)


@click.command()
@click.option("--from", "source", required=True, metavar="STORE", help="sqlite:FOLDER or cassandra://…")
@click.option("--to", "destination", required=True, metavar="STORE", help="An empty store, or an unfinished copy.")
@data_option
@json_option
def copy(*, source: str, destination: str, data: Path, as_json: bool) -> None:
    """Copy all models into another store, beside `kinelog journal copy`, which copies everything else.

    Every manifest keeps its bytes, signature and version, so phones notice nothing. Killed at any moment, the same
    command goes on. Nobody may publish meanwhile. The key that signs is not copied.

    \b
    Example:
      kinelog model copy --from sqlite:.data --to cassandra://127.0.0.1/kinelog
    """
    from kinelog.registry.copying import NOTHING, copy_models
    from kinelog.service.copy_ends import named_store

    settings = load_settings(data)
    place, into = named_store(source, data, settings), named_store(destination, data, settings)
    if isinstance(place, DataFolder) and place.root.is_dir() and not place.models.is_file():
        copied = NOTHING  # a deployment that has published nothing yet moves too
    else:
        with _models_in(place, data, make=False) as models, _models_in(into, data, make=True) as target:
            copied = copy_models(models, target)
    print_result(
        msgspec.to_builtins(copied),
        f"{copied.publications} publications, {copied.populations} populations, {copied.runs} runs copied",
        as_json=as_json,
    )


def _models_in(place: DataFolder | Settings, data: Path, *, make: bool) -> AbstractContextManager[ModelStore]:
    if isinstance(place, Settings):
        return model_store(DataFolder(data), place)
    return model_store(place, Settings(store=EMBEDDED), make=make)
