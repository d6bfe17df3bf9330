"""Asks the issuer: no redirects, bounded answers, one deadline, and not again right after it did not answer."""

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from time import monotonic
from typing import cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from stardag.domain.no_proxy import is_exempt
from stardag_registry.app.ports import Clock
from stardag_registry.domain.errors import IssuerUnavailable, Unauthenticated

TIMEOUT = 5.0
"""Seconds for a whole exchange. Those who wait for the issuer keep others of the registry's few threads waiting."""

SILENCE_REMEMBERED = timedelta(seconds=10)
"""For how long an issuer that did not answer is not asked again."""

ANSWER_MAX_BYTES = 1024 * 1024

_log = logging.getLogger("stardag_registry.issuer")


class Issuer:
    """The way to one issuer. Thread-safe.

    Every call raises:
        IssuerUnavailable: it does not answer, did not a moment ago, or answers what cannot be used.
        Unauthenticated: it refuses the token that was shown to it (401 or 403).
    """

    def __init__(self, issuer: str, clock: Clock) -> None:
        self.issuer = issuer
        self._clock = clock
        self._silent_until: datetime | None = None
        self._reason = ""

    def get(self, url: str, access_token: str | None = None) -> Mapping[str, object]:
        """One question."""
        headers = {} if access_token is None else {"Authorization": f"Bearer {access_token}"}
        return self._ask("GET", url, headers, None)

    def post_form(self, url: str, fields: Mapping[str, str]) -> Mapping[str, object]:
        """One form."""
        return self._ask("POST", url, {}, fields)

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str], fields: Mapping[str, str] | None
    ) -> Mapping[str, object]:
        now, until = self._clock(), self._silent_until
        if until is not None and now < until:
            raise IssuerUnavailable(self.issuer, self._reason)
        try:
            status, body = _exchange(method, url, headers, fields)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            self._reason = "it does not answer"
            self._silent_until = self._clock() + SILENCE_REMEMBERED
            _log.warning("The issuer's %s cannot be asked: %s", url, type(error).__name__)
            raise IssuerUnavailable(self.issuer, self._reason) from None  # httpx's own error may hold the token
        if status in (401, 403) and "Authorization" in headers:
            raise Unauthenticated
        if status != 200:
            _log.warning("The issuer's %s answered %s", url, status)
            raise IssuerUnavailable(self.issuer, f"it answers {status}")
        return self._parsed(url, body)

    def _parsed(self, url: str, body: bytes) -> Mapping[str, object]:
        try:
            message: object = json.loads(body)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            _log.warning("The issuer's %s answered no JSON object", url)
            raise IssuerUnavailable(self.issuer, "its answer is no JSON object")
        return cast("Mapping[str, object]", message)


def _exchange(method: str, url: str, headers: Mapping[str, str], fields: Mapping[str, str] | None) -> tuple[int, bytes]:
    ends = monotonic() + TIMEOUT
    accepted = {"Accept": "application/json", "Accept-Encoding": "identity"}
    with (
        httpx.Client(
            timeout=TIMEOUT,
            follow_redirects=False,
            headers=accepted,
            verify=httpx.create_ssl_context(),  # which honours SSL_CERT_FILE and SSL_CERT_DIR
            trust_env=False,  # it would set up every proxy that is named, and fail over one that is never used
            proxy=_proxy_for(url),
        ) as client,
        client.stream(method, url, headers=dict(headers), data=fields) as response,
    ):
        if response.headers.get("content-encoding", "identity") != "identity":
            raise ValueError("a few compressed bytes can be gigabytes")
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > ANSWER_MAX_BYTES or monotonic() > ends:
                raise ValueError("it is too long, or takes too long")
        return response.status_code, bytes(body)


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment names for a URL; None where it exempts the host."""
    parts, proxies = urlsplit(url), getproxies()
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or is_exempt(host, port, proxies.get("no", "")) or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
