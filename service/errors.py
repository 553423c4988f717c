"""What stops a command, with the exit code that it ends in."""

from __future__ import annotations

from typing import ClassVar

import click


class CommandError(click.ClickException):
    """A command cannot do what was asked; the message says what to do. Exit codes are those of sysexits."""

    exit_code: ClassVar[int] = 70


class ConfigurationError(CommandError):
    """A setting is wrong."""

    exit_code = 64


class UnavailableServiceError(CommandError):
    """A service or store does not answer."""

    exit_code = 69


class CannotCreateError(CommandError):
    """Something is already there, or cannot be made."""

    exit_code = 73


class TryAgainError(CommandError):
    """Somebody else is at it; later it may work."""

    exit_code = 75


class RefusedError(CommandError):
    """The domain refused what was asked."""

    exit_code = 65
