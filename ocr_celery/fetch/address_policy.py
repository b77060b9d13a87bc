"""Where a stranger's URL may lead: to the public internet, and to what the operator names.

requests-hardened resolves a host name once, refuses private addresses and pins the connection to what it checked.
Here is what it lacks: an allow-list, and the few special ranges it lets pass.
"""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from requests_hardened.ip_filter import EXTRA_BLOCKED_NET_RANGES, InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3.util.connection import allowed_gai_family

Address = IPv4Address | IPv6Address
_PoolKey = tuple[dict[str, Any], dict[str, Any]]

#: the only part of IPv6 that is routed; all else (site-local, IPv4 in disguise, not yet assigned) is special
_ROUTED_IPV6 = IPv6Network("2000::/3")
#: public numbers that lead to a machine's own host: Azure's wire server, which hands out a machine's secrets
_HOST_SERVICES = frozenset({IPv4Address("168.63.129.16")})


def is_special(address: Address) -> bool:
    """Whether an address belongs to no public host: private, loopback, link-local, shared, multicast, reserved, …"""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:  # only another way to write it
            return is_special(address.ipv4_mapped)
        if address not in _ROUTED_IPV6:
            return True
    return address in _HOST_SERVICES or address.is_multicast or address.is_reserved or not address.is_global


class AllowList:
    """Host names, addresses and CIDR networks that may be fetched from although they are special."""

    def __init__(self, entries: Sequence[str]) -> None:
        """Entries like "files.internal", "127.0.0.1", "fd00::1" or "10.0.0.0/8". Raises ValueError on any other."""
        self._names: set[str] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        for entry in filter(None, (entry.strip() for entry in entries)):
            try:
                self._networks.append(ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                if not entry.isascii() or set(entry) & set("/:@*?# ") or entry.replace(".", "").isdigit():
                    raise ValueError(f"{entry!r} is no host name, address or network") from None
                self._names.add(entry.lower().rstrip("."))

    def admits(self, host: str, address: Address) -> bool:
        """Whether this host, under the name used in the URL or by the address it resolved to, is on the list."""
        return host.lower().rstrip(".") in self._names or any(address in network for network in self._networks)


class PinnedAdapter(IPFilterAdapter):  # type: ignore[misc]  # it has no types
    """Connects to an address that was resolved once and checked, under the name the URL has (Host header, TLS)."""

    def __init__(self, allow: AllowList, *, https: bool, address: Address | None = None) -> None:
        """`address`: of the host, where it was resolved already."""
        super().__init__(is_https_proto=https)
        self._allow = allow
        self._address = address

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: bool | str, cert: str | tuple[str, str] | None = None
    ) -> _PoolKey:
        """The key of the connection, its host being an address. Raises InvalidIPAddress where we must not go."""
        if self._address is not None:
            return self._allowed_override(self._address, request, verify, cert)
        try:
            host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
            address = ip_address(host["host"].strip("[]"))
            if is_special(address):
                raise InvalidIPAddress(address)
        except InvalidIPAddress as refused:  # it was resolved already, never again
            return self._allowed_override(refused.args[0], request, verify, cert)
        return host, tls

    def _allowed_override(
        self, address: Address, request: PreparedRequest, verify: bool | str, cert: str | tuple[str, str] | None
    ) -> _PoolKey:
        """The same for an address that is known. Raises InvalidIPAddress where the allow-list would have to admit it."""
        host: dict[str, Any]
        tls: dict[str, Any]
        host, tls = HTTPAdapter.build_connection_pool_key_attributes(self, request, verify, cert)  # type: ignore[assignment]
        name, port = host["host"], host["port"]
        if needs_allow_entry(address) and not self._allow.admits(name, address):
            raise InvalidIPAddress(address)
        request.headers["Host"] = (f"[{name}]" if ":" in name else name) + (f":{port}" if port is not None else "")
        if self._is_https_proto:
            tls |= {"assert_hostname": name, "server_hostname": name}
        host["host"] = f"[{address}]" if address.version == 6 else str(address)
        return host, tls


def resolve(host: str, port: int) -> Address:
    """The address that a host is connected to. Raises socket.gaierror; takes as long as the resolver does."""
    address: Address = ip_address(
        socket.getaddrinfo(host, port, family=allowed_gai_family(), type=socket.SOCK_STREAM)[0][4][0]
    )
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def needs_allow_entry(address: Address) -> bool:
    """Whether only the allow-list may admit it: where it is special, or requests-hardened has it so."""
    return is_special(address) or any(address in network for network in EXTRA_BLOCKED_NET_RANGES)
