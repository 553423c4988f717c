"""What can go wrong while views are kept."""

from __future__ import annotations


class ProjectionsError(Exception):
    """Base of all errors of this package."""


class ViewsMovedError(ProjectionsError):
    """Somebody else changed the same views meanwhile; nothing was written. Load again and fold again."""


class NewerViewsError(ProjectionsError):
    """The views were written by newer code than this: upgrade before going on."""

    def __init__(self, view: str, found: int, known: int) -> None:
        """Name the view and both versions."""
        super().__init__(f"view {view} has version {found}, this code knows {known}: upgrade, or rebuild it")
        self.view = view


class UnknownViewError(ProjectionsError):
    """No view has this name."""


class RebuildRunningError(ProjectionsError):
    """Another process is rebuilding the same views."""


class ViewsUnavailableError(ProjectionsError):
    """The views cannot be read at the moment (no store yet, or it does not answer)."""
