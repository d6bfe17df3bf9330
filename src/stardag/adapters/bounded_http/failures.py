"""Why there is no answer: what httpx raises, as a phrase that holds nothing secret."""

import re
import socket
import ssl
from collections.abc import Iterator

import httpx

STAGES = {
    "connect_tcp.started": "while connecting",
    "start_tls.started": "in the TLS handshake",
    "send_request_headers.started": "while asking",
    "receive_response_headers.started": "while waiting for the answer",
    "receive_response_body.started": "in the middle of the answer",
}
"""What is being done, by the step that httpcore traces."""

_STATUS = re.compile(r"[0-9]{3}\b")
"""A proxy's own words for its status could be anything."""


def no_answer(stage: str, timeout: float) -> str:
    """That the deadline has passed, as a phrase."""
    return f"it did not answer within {timeout:g} seconds ({stage})"


def explain(error: Exception, stage: str, timeout: float) -> tuple[str, str | None]:
    """Why there is no answer, as a phrase, and what to do where the usual advice does not help."""
    if isinstance(error, httpx.ProxyError):
        status = _STATUS.match(str(error))
        return f"it answers {status[0]}" if status else "it does not make the connection", None
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return _explain_tls(cause)
        if isinstance(cause, socket.gaierror | UnicodeError):
            return "its host name cannot be found", None
        if isinstance(cause, ConnectionRefusedError):
            return "nothing listens there (connection refused)", None
        if isinstance(cause, TimeoutError | httpx.TimeoutException):
            return no_answer(stage, timeout), None
    if stage == STAGES["receive_response_body.started"]:
        return "the connection broke off in the middle of the answer", None
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError):
        return "the connection was closed without an answer, or what answers there does not speak HTTP", None
    reasons = [cause.strerror for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror]
    return f"no connection can be made ({reasons[-1] if reasons else type(error).__name__})", None


def _explain_tls(error: ssl.SSLError) -> tuple[str, str | None]:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate cannot be trusted ({error.verify_message.rstrip('.')})",
            "If an authority of your own signed it, name that authority's certificate in SSL_CERT_FILE.",
        )
    return f"the TLS handshake failed ({error.reason or 'no reason given'}); it may speak http, not https", None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception, and what it came from."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
