"""Which addresses the gateway may connect to.

A URL that a user or a peer names must not open the gateway's own network to them (server-side
request forgery). So a name is resolved, every address it leads to is checked, and the connection
goes to a checked address, never to the name again (which could have changed: DNS rebinding).
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from esap.errors import ForbiddenAddress

__all__ = ["check_url", "is_private_unicast", "is_public"]

# IANA's special-purpose registries as of 2026, not `ipaddress.is_global`: that one changes with
# Python's patch releases, and what it says of 6to4 or NAT64 prefixes ignores the address inside.
_SPECIAL_V4 = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
_GLOBAL_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = [
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocols, among them Teredo, which carries an IPv4 address
        "2001:db8::/32",
        "3fff::/20",
    )
]
# Where an operator's peers may live. Not link-local: clouds keep their secrets there.
_PRIVATE = [
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
    )
]
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052, section 2.1
_SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056, section 2


def _parse(address: str) -> IPv4Address | IPv6Address:
    """Read an address as the network will: without its zone, as IPv4 if that is inside."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip in _NAT64:
            return IPv4Address(int(ip) & 0xFFFF_FFFF)
        if ip in _SIX_TO_FOUR:
            return IPv4Address(int(ip) >> 80 & 0xFFFF_FFFF)
    return ip


def is_public(address: str) -> bool:
    """Whether an address is on the open internet."""
    ip = _parse(address)
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _SPECIAL_V4)
    return ip in _GLOBAL_V6 and not any(ip in network for network in _SPECIAL_V6)


def is_private_unicast(address: str) -> bool:
    """Whether an address is one that hosts of a private network, or this machine, have."""
    ip = _parse(address)
    return any(ip in network for network in _PRIVATE)


def check_url(url: str) -> str:
    """Return the host of a URL that may be asked; raise `ForbiddenAddress` by its form alone."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is none, an unclosed [
        host = port = None
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise ForbiddenAddress("The address is not a complete http or https URL. Correct it.")
    if "@" in parts.netloc:
        raise ForbiddenAddress(
            f"The URL of {host} carries a user name or password. Give the URL without them."
        )
    return host
