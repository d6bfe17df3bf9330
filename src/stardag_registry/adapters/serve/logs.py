"""The server's log: lines for people, or one JSON object a line for programs, with the id of the request."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

LogFormat = Literal["text", "json"]


class JsonLines(logging.Formatter):
    """One JSON object a line. Values of variables are in no traceback, and nothing here reads headers or bodies."""

    def __init__(self, request_id: Callable[[], str]) -> None:
        super().__init__()
        self._request_id = request_id

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": self._request_id() or None,
        }
        line |= getattr(record, "told", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_configuration(log_format: LogFormat, request_id: Callable[[], str]) -> dict[str, Any]:
    """What the logging of a server is set up with. Lines for people leave out the requests, which programs count."""
    formatters: dict[str, dict[str, Any]] = {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"()": JsonLines, "request_id": request_id},
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": formatters,
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": log_format, "stream": "ext://sys.stderr"}
        },
        "loggers": {
            name: {"handlers": ["stderr"], "level": "WARNING", "propagate": False}
            for name in ("stardag_registry", "uvicorn", "alembic")
        }
        # The journal of sign-ins: who goes on, who is refused. It goes to the handler of what it is a part of.
        | {"stardag_registry.provider": {"level": "INFO"}}
        | {"stardag_registry.requests": {"level": "INFO" if log_format == "json" else "WARNING"}},
    }
