"""The address of a registry: its one normal form, its origin, and where plain http may go."""

from urllib.parse import urlsplit

from stardag.domain.errors import InvalidValue

URL_MAX_LENGTH = 2048

_EXAMPLE = "A registry is named by its address alone, such as https://api.stardag.com or http://localhost:8000."
_API = "/api/v1/"
_PAGES = ("/docs", "/openapi.json", "/health")
"""What a registry has at its own address."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_:")


def normal_url(value: str) -> str:
    """Return the normal form of a registry's URL: lower-case scheme and host, no default port, no trailing slash.

    Two URLs mean the same registry exactly when their normal forms are equal.

    Raises:
        InvalidValue: it is not an http or https URL, or carries user information, a query or a fragment. The error
            never repeats user information.
    """
    if len(value) > URL_MAX_LENGTH or not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        raise _invalid(value, "it is too long or holds blanks, backslashes or other characters a URL cannot")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise _invalid(value, "its host or port cannot be read") from None
    if "@" in parts.netloc:
        raise _invalid(value, "a URL with user information would hide where it leads")
    host = parts.hostname or ""
    if parts.scheme not in _DEFAULT_PORTS or not host or not set(host) <= _HOST_CHARACTERS:
        raise _invalid(value, "it does not start with http:// or https:// and a host")
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        raise _invalid(value, "it has a query or a fragment")
    path = parts.path.rstrip("/")
    if ".." in path.split("/") or "%" in path:
        raise _invalid(value, "its path has steps upwards or escapes")
    shown = f"[{host}]" if ":" in host else host
    suffix = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{shown}{suffix}{path}"


def without_route(value: str) -> str:
    """What a person pasted, without the parts that only lead to a registry's API or its documentation.

    No other page of a registry is recognized here: a registry's own address may have a path as well.
    """
    address = value.strip()
    path = address.partition("#")[0].rstrip("/")
    for route in _PAGES:
        if path.endswith(route):
            return path.removesuffix(route)
    before, api, _ = f"{path}/".partition(_API)
    return before if api and "?" not in before else address


def addresses_above(url: str) -> list[str]:
    """The addresses that a URL in normal form lies below, the nearest first and its origin last."""
    found: list[str] = []
    while url != origin_of(url):
        url = url.rpartition("/")[0]
        found.append(url)
    return found


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL in normal form (RFC 6454): what a secret belongs to."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.split('/', 1)[0]}"


def is_plain_beyond_loopback(url: str) -> bool:
    """Whether what is sent to this URL could be read on its way: plain http to a host that is not loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "http" and not (host in ("localhost", "::1") or _is_loopback_address(host))


def _is_loopback_address(host: str) -> bool:
    numbers = host.split(".")
    return len(numbers) == 4 and numbers[0] == "127" and all(n.isdigit() and int(n) < 256 for n in numbers)


def _invalid(value: str, problem: str) -> InvalidValue:
    _, at, rest = value.rpartition("@")  # whether or not what stands before it can be read as user information
    shown = rest if at else value
    for mark in "?#":  # what stands behind may be a secret, as in the link of an invitation
        head, found, behind = shown.partition(mark)
        shown = f"{head}{mark}…" if found and behind else shown
    return InvalidValue("registry URL", f"…@{shown}" if at else shown, problem, _EXAMPLE)
