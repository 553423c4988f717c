"""What a process shows of itself while it runs: its log, its traces, and a worker's figures."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from kinelog.api.openapi import program_version
from kinelog.observability import tracing
from kinelog.observability.access_log import ACCESS_LOGGER
from kinelog.observability.json_logs import lines_of
from kinelog.observability.tracing import TraceSettings, TracingError, endpoint_of
from kinelog.service.configuration import Settings
from kinelog.service.errors import ConfigurationError, UnavailableServiceError
from kinelog.service.group_address import node_name
from kinelog.service.repeated_lines import RepeatedLines
from prometheus_client import start_http_server


@contextmanager
def observed(settings: Settings, part: str = "") -> Iterator[None]:
    """Log and trace as the settings say meanwhile.

    Args:
        settings: How.
        part: What of the node this process is; "" for the node itself.

    Raises:
        ConfigurationError: Traces were asked for in a way that cannot be done.
    """
    name = "/".join(filter(None, (node_name(settings.node), part)))
    _log_to_stderr(settings, name)
    trace_settings = TraceSettings(
        endpoint=endpoint_of(settings.otlp_endpoint), ratio=settings.trace_ratio, node=name, version=program_version()
    )
    try:
        tracing.start(trace_settings)
    except TracingError as error:
        raise ConfigurationError(str(error)) from error
    try:
        yield
    finally:
        tracing.stop()


@contextmanager
def figures_shown(settings: Settings) -> Iterator[None]:
    """Answer Prometheus at `worker_metrics_port` meanwhile, where one is given: for processes without an interface.

    Raises:
        UnavailableServiceError: The port is taken.
    """
    if settings.worker_metrics_port is None:
        yield
        return
    try:
        server, thread = start_http_server(settings.worker_metrics_port, settings.host)
    except OSError as error:
        message = f"cannot listen on {settings.host}:{settings.worker_metrics_port}: {error.strerror}"
        raise UnavailableServiceError(f"{message}; choose another worker_metrics_port") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _log_to_stderr(settings: Settings, name: str) -> None:
    level = settings.log_level.upper()
    # The driver writes stack traces of what it then raises: whoever catches that says it in words.
    logging.getLogger("cassandra").setLevel(logging.DEBUG if level == "DEBUG" else logging.CRITICAL)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(lines_of(settings.log_format, name))
    if level != "DEBUG":
        handler.addFilter(RepeatedLines())
    logging.basicConfig(level=level, handlers=[handler])
    if settings.access_log:
        logging.getLogger(ACCESS_LOGGER).setLevel(logging.INFO)  # asked for by name, whatever the level of the rest
