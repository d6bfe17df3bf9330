"""The server's log: lines for people, or one JSON object a line for programs, with the id of the request."""

import json
import logging
import logging.config
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

LogFormat = Literal["text", "json"]

_log = logging.getLogger("stardag_registry.start")


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


class Notices:
    """What a server has to say to the person who starts it: lines on standard error, or, where that is for programs,
    entries of the log. A log is kept and read by many, so nothing secret is said there."""

    def __init__(self, log_format: LogFormat) -> None:
        self._to_people = log_format == "text"

    @property
    def may_be_secret(self) -> bool:
        """Whether what is said reaches the person alone."""
        return self._to_people

    def say(self, *lines: str) -> None:
        """Something to know."""
        self._tell(logging.INFO, lines)

    def warn(self, line: str) -> None:
        """Something that may be wrong."""
        self._tell(logging.WARNING, (f"Warning: {line}" if self._to_people else line,))

    def _tell(self, level: int, lines: tuple[str, ...]) -> None:
        for line in lines:
            if self._to_people:
                sys.stderr.write(f"{line}\n")
            else:
                _log.log(level, "%s", line)
        sys.stderr.flush()


def set_up_logs(log_format: LogFormat, request_id: Callable[[], str]) -> None:
    """Let everything that is logged here, by whatever library, go to standard error in one format. Lines for people
    leave out the requests, which programs count."""
    logging.config.dictConfig(_configuration(log_format, request_id))
    logging.captureWarnings(capture=log_format == "json")


def _configuration(log_format: LogFormat, request_id: Callable[[], str]) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
            "json": {"()": JsonLines, "request_id": request_id},
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": log_format, "stream": "ext://sys.stderr"}
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            # The journal of sign-ins: who goes on, who is refused.
            "stardag_registry.provider": {"level": "INFO"},
            "stardag_registry.requests": {"level": "INFO" if log_format == "json" else "WARNING"},
            "stardag_registry.start": {"level": "INFO"},
        },
    }
