"""Which Host headers are the server's own. A stranger's page whose name was made to resolve to this machine (DNS
rebinding) sends that name, and is refused."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from stardag.domain.errors import InvalidValue
from stardag.domain.registry_url import normal_url

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_AUTHORITY = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[0-9a-z._-]+))(?::(?P<port>[0-9]{1,5}))?")
_HTTP_PORT = 80


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The loopback names and the host that is listened on, with the port that is listened on.

    Who listens on every address (`0.0.0.0`, `::`) is reached by addresses that cannot be known here; any address,
    written as one, is allowed then. Rebinding needs a name, so that opens nothing. `public_url` is the address that
    people and machines use, in normal form, where it is not the one listened on.
    """

    host: str
    port: int
    public_url: str | None = None

    def allow(self, authority: str) -> bool:
        """Whether the value of a Host header is this server's."""
        if self.public_url is not None and authority.lower() in _authorities_of(self.public_url):
            return True
        return self._is_listened_on(authority)

    def _is_listened_on(self, authority: str) -> bool:
        parts = _AUTHORITY.fullmatch(authority.lower())
        if parts is None or int(parts["port"] or _HTTP_PORT) != self.port:
            return False
        name = parts["address"] or parts["name"]
        if name in _LOOPBACK_NAMES or name == self.host.lower():
            return True
        return _is_every_address(self.host) and _is_address(name)

    def name(self, url: str) -> bool:
        """Whether a URL is an address of this server: the public one, or one that it listens on."""
        try:
            normal = normal_url(url)
        except InvalidValue:
            return False
        if normal == self.public_url:
            return True
        parts = urlsplit(normal)
        return parts.scheme == "http" and not parts.path and self._is_listened_on(parts.netloc)


def _authorities_of(url: str) -> frozenset[str]:
    """What a browser or a proxy may say in the Host header for a URL in normal form."""
    parts = urlsplit(url)
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    return frozenset({parts.netloc} | ({parts.netloc + default} if parts.port is None else set()))


def _is_every_address(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_unspecified


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
