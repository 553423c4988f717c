"""What the channel between nodes and the router can fail at."""

from __future__ import annotations

import msgspec

UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""What msgspec raises for bytes that are not what they should be: not msgpack, too deep, no text where text belongs."""


class RoutingError(Exception):
    """Base of all errors of this package."""


class SecretError(RoutingError):
    """The cluster's secret cannot be used: too short, unreadable."""


class ChannelError(RoutingError):
    """Base of what goes wrong on one connection."""


class HandshakeError(ChannelError):
    """The other side did not prove who it is, or refused us; the connection is of no use."""


class MessageError(ChannelError):
    """Bytes came in that are no message of this channel; the connection is closed."""


class NotSentError(ChannelError):
    """The question never left this process: the same can be asked of anybody at once."""


class BrokenError(ChannelError):
    """The connection ended after the question was handed to it: the command may have been stored."""


class TooLargeError(ChannelError):
    """A message is larger than what the other side takes."""
