"""A port that several processes listen on; the system deals connections out among them (`SO_REUSEPORT`)."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

from kinelog.service.errors import UnavailableServiceError

LOOPBACK = "127.0.0.1"


class SharedPort:
    """Holds a port for children without listening on it: a start of any of them always finds it."""

    def __init__(self, host: str, port: int) -> None:
        """Take the port; 0 lets the system choose.

        Raises:
            UnavailableServiceError: The address is taken or not ours, or the system cannot share a port.
        """
        self.host = host
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            self._socket = socket.socket(family, kind, protocol)
            try:
                # As servers do: connections that are over do not hold the port.
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                # Shared only once it is ours: asked for before, we would join whoever else shares that port.
                self._socket.bind(address)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            except BaseException:
                self._socket.close()
                raise
        except (OSError, AttributeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "this system cannot share a port"
            raise UnavailableServiceError(f"cannot listen on {host}:{port}: {reason}; choose another --port") from error
        self.port = int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Where its children listen."""
        host = self._socket.getsockname()[0]
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def __enter__(self) -> Self:
        """Already ours."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the port go; children that listen on it go on."""
        self._socket.close()
