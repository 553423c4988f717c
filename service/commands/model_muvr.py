"""`kinelog model export-muvr`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click
from kinelog.registry.scope import Scope
from kinelog.registry.store import ModelStore
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.errors import RefusedError
from kinelog.service.model_stores import model_store, published_version
from kinelog.service.options import data_option, json_option, print_result, scope_argument, store_option
from kinelog.service.written_files import write_file


class _Net(NamedTuple):
    """What is to be written, and what to call it."""

    name: str
    version: int | None
    blob: bytes
    labels: tuple[str, ...]


@click.command("export-muvr")
@scope_argument
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for three files.")
@click.option("--version", type=int, help="Which version.  [default: the champion]")
@click.option("--kept", is_flag=True, help="The best such network of the newest night, published or not.")
@data_option
@store_option
@json_option
def export_muvr(
    scope: Scope, *, to: Path, version: int | None, kept: bool, data: Path, store: str | None, as_json: bool
) -> None:
    """Write layers.txt, labels.txt and weights.raw, as the muvr app for iOS reads them.

    Only dense networks on raw windows can be written so; others are refused with the reason (65). Each night keeps the
    best of those beside its ten, whatever it publishes: --kept writes that one.

    \b
    Examples:
      kinelog model export-muvr iron-works/all/left-wrist --to muvr --data .data
      kinelog model export-muvr iron-works/all/left-wrist --kept --to muvr --data .data
    """
    from kinelog.device.blob import unpack_blob
    from kinelog.device.muvr_files import MuvrRefusedError, muvr_files

    if kept and version is not None:
        raise click.UsageError("--kept is no version: give one of --kept and --version")
    with model_store(DataFolder(data), load_settings(data, store=store)) as models:
        net = _kept(models, scope) if kept else _published(models, scope, version)
    try:
        files = muvr_files(unpack_blob(net.blob), net.labels)
    except MuvrRefusedError as error:
        raise RefusedError(
            f"{net.name} cannot be written for muvr: {error.reason}. "
            "--kept writes the best network that can be, if a night has kept one"
        ) from error
    write_file(to / "layers.txt", files.layers_txt.encode())
    write_file(to / "labels.txt", files.labels_txt.encode())
    write_file(to / "weights.raw", files.weights_raw)
    result: dict[str, object] = {"folder": str(to), "version": net.version, "written": net.name}
    print_result(result, f"{net.name}: three files written to {to}", as_json=as_json)


def _published(models: ModelStore, scope: Scope, version: int | None) -> _Net:
    from kinelog.registry.manifest import read_manifest

    found = published_version(models, scope, version)
    name = f"{scope.path} version {found.version}"
    return _Net(name, found.version, models.blob(found.blob), read_manifest(found.manifest).labels)


def _kept(models: ModelStore, scope: Scope) -> _Net:
    from kinelog.ml.kept_state import DamagedStateError, kept_in
    from kinelog.ml.population import population_of

    data = models.population(scope)
    try:
        with kept_in(models, f"the population of {scope.path}"):
            population = None if data is None else population_of(data)
    except DamagedStateError as error:
        raise RefusedError(str(error)) from error
    if population is None or population.best_muvr is None:
        raise RefusedError(f"no night has kept a network for {scope.path} that muvr's files can hold")
    member = population.best_muvr
    return _Net(f"{scope.path} kept by {population.run}", None, models.blob(member.blob), population.labels)
