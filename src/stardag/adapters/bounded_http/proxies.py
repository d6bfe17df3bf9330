"""Which proxy leads to an origin, as the environment says, and how errors name it.

Decided here for the one origin that is asked: a client that reads the variables by itself sets up every proxy that they
name, and fails over one that it would never use.
"""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from stardag.domain.no_proxy import is_exempt

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_SHOWN_MAX_LENGTH = 200


class ProxyChoice(NamedTuple):
    """A proxy, and the environment variable that names it; empty where the system's settings do."""

    url: str
    variable: str

    @property
    def shown(self) -> str:
        """What errors call it: scheme, host and port. All else may be a password, as may be a host that is none."""
        found = _SCHEME.match(self.url)
        scheme = found[0] if found else ""
        authority, *rest = re.split(r"[/?#]", self.url.removeprefix(scheme), maxsplit=1)
        place = _PLACE.fullmatch(authority.rpartition("@")[2])
        is_clear = place is not None and not any("@" in part for part in rest)
        by = f" ({self.variable})" if self.variable else ""
        return f"{scheme}{place[0] if place and is_clear else '…'}"[:_SHOWN_MAX_LENGTH] + by


def proxy_for(url: str) -> ProxyChoice | None:
    """The proxy for a URL: that of its scheme, else the one for all; None where the origin is exempt."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    proxies = getproxies()
    scheme = parts.scheme if proxies.get(parts.scheme, "").strip() else "all"
    proxy = proxies.get(scheme, "").strip()
    if not proxy or is_exempt(host, port, proxies.get("no", "")) or proxy_bypass(host):
        return None
    return ProxyChoice(proxy if "://" in proxy else f"http://{proxy}", _variable_of(scheme))


def _variable_of(scheme: str) -> str:
    names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")
    return next((name for name in names if os.environ.get(name, "").strip()), "")


class ProxyPassage:
    """How far the connection to an origin is made by way of a proxy, from what httpcore traces."""

    def __init__(self, proxy: ProxyChoice | None, origin_url: str) -> None:
        self.is_pending = False
        """Whether a connection is being made that has not got past the proxy: what fails now is the proxy's failure."""
        self._proxy = proxy
        self._last_steps = tuple(_last_steps(proxy.url, origin_url)) if proxy else ()
        self._steps_left: list[str] = []

    def follow(self, step: str) -> None:
        """Hear of a step, such as `connect_tcp.started`."""
        if step == "connect_tcp.started":
            self._steps_left = list(self._last_steps)
        if self._steps_left and step == self._steps_left[0]:
            del self._steps_left[0]
        self.is_pending = bool(self._steps_left)


def _last_steps(proxy_url: str, origin_url: str) -> Iterator[str]:
    """The steps after which the proxy has done its part."""
    yield "connect_tcp.complete"
    if proxy_url.lower().startswith("socks"):
        yield "setup_socks5_connection.complete"
        return
    if proxy_url.lower().startswith("https:"):
        yield "start_tls.complete"
    if origin_url.startswith("https:"):  # only then is the proxy asked for a tunnel
        yield "start_tls.started"
