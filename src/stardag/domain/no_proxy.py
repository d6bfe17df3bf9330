"""Which hosts the variable `NO_PROXY` exempts from a proxy: the rule that most programs share. Reads no variable."""

import ipaddress
import re


def is_exempt(host: str, port: int, no_proxy: str) -> bool:
    """Whether `NO_PROXY` exempts a host and port.

    It lists host names, which stand for what is below them as well, addresses, networks (`10.0.0.0/8`), each with a
    port or `*` if wanted, or a `*` alone; what is none of these exempts nothing.
    """
    entries = re.split(r"[,\s]+", no_proxy.lower())
    return any(_matches(host, port, entry) for entry in entries if entry)


def _matches(host: str, port: int, entry: str) -> bool:
    name, entry_port = _split_port(entry)
    if entry_port not in ("", "*", str(port)):
        return False
    address, network = _address(host), _network(name)
    if network is not None:
        return address is not None and address in network
    suffix = name.removeprefix("*").strip(".")  # a dot at the end says that the name is whole, as in DNS
    return name == "*" or (suffix != "" and (host == suffix or host.endswith(f".{suffix}")))


def _split_port(entry: str) -> tuple[str, str]:
    """An entry's host or network, without brackets, and its port; empty where it has none."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        if rest.startswith("/"):  # [fd00::]/8
            return f"{name}{rest}", ""
        return name, rest.removeprefix(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """An address, or a network in CIDR notation, as a network; None for a name."""
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None
