"""Where `kinelog fit run` gets its data: a deployment's structured tables, or a folder of recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kinelog.api.unerased_views import UnerasedViews
from kinelog.projections.errors import ViewsUnavailableError
from kinelog.service.configuration import DataFolder, Settings
from kinelog.service.errors import RefusedError, UnavailableServiceError
from kinelog.service.known_tenants import require_tenant
from kinelog.service.opened_data import open_data

if TYPE_CHECKING:
    from kinelog.ml.night_data import Offered


@dataclass(frozen=True, slots=True)
class Source:
    """One tenant's data.

    Attributes:
        tenant: Whose.
        offer: Says what a night may be fitted to; slow, now or while it is read.
    """

    tenant: str
    offer: Callable[[], Offered]


@contextmanager
def tables(folder: DataFolder, settings: Settings, tenant: str | None) -> Iterator[list[Source]]:
    """The tenants of a deployment, or the one that is named; beside a running service.

    Raises:
        UnavailableServiceError: The store does not answer, or its tables are not there.
        ConfigurationError: A key or an address is wrong.
    """
    from kinelog.ml.tenant_data import offered_by_tenant

    with open_data(folder, settings, may_write=False) as opened:
        views = opened.read_side()
        try:
            # Tables hear of an erasure a moment later than the list of erasures: nobody is learnt from meanwhile.
            unerased = UnerasedViews(views, opened.keys)
            named = [tenant] if tenant else sorted({owner for owner, _ in opened.keys.people()})

            def offer(name: str) -> Offered:
                # Nobody's sets and a mistyped tenant's look alike; one is a night, the other a mistake.
                require_tenant(folder, settings, name)
                return offered_by_tenant(unerased, name)

            yield [Source(name, partial(offer, name)) for name in named]
        except ViewsUnavailableError as error:
            raise UnavailableServiceError(str(error)) from error
        finally:
            views.close()


def recordings(folder: Path, names: tuple[str, ...], tenant: str | None) -> list[Source]:
    """Recordings as data: together as one tenant's if that is named, each as a tenant of its own name if not.

    Those of their own name come in the order of how much is labelled in them.

    Recordings of different origin name their labels differently: fitted apart, each model has one vocabulary.

    Raises:
        RefusedError: There is no such recording, or nothing to read.
    """
    from kinelog.ml.night_data import offered_of
    from kinelog.ml.recorded_sets import RecordingError
    from kinelog.ml.recordings import Reading, available_recordings, read_recordings

    def offer(only: tuple[str, ...]) -> Offered:
        try:
            return offered_of(read_recordings(folder, Reading(names=only)))
        except RecordingError as error:
            raise RefusedError(str(error)) from error

    try:
        there = available_recordings(folder)
    except RecordingError as error:
        raise RefusedError(str(error)) from error
    if missing := sorted(set(names) - set(there)):
        message = f"{folder}: no recording {', '.join(missing)}; there are {', '.join(there) or 'none'}"
        raise RefusedError(message)
    wanted = names or there
    if not wanted:
        message = f"{folder}: no NAME.json with NAME.npz, and no folder of raw captures"
        raise RefusedError(message)
    if tenant is not None:
        return [Source(tenant, partial(offer, tuple(wanted)))]
    # Where the fewest sets are labelled first: what takes hours keeps nobody from what is done in a minute.
    ordered = sorted(wanted, key=lambda name: (_bytes_of_labels(folder, name), name))
    return [Source(tenant_of(name), partial(offer, (name,))) for name in ordered]


def _bytes_of_labels(folder: Path, name: str) -> int:
    """Length of what a recording, or a folder of captures, says of its sets."""
    captures = folder / name
    files = captures.rglob("labels.txt") if captures.is_dir() else [folder / f"{name}.json"]
    return sum(path.stat().st_size for path in files if path.is_file())


def tenant_of(recording: str) -> str:
    """A recording's name as tenants are named."""
    return "".join(letter if letter.isalnum() else "-" for letter in recording.lower()).strip("-")[:32]
