"""Decides which addresses may be fetched from: public ones, and those that the operator allows.

requests-hardened resolves a host name once, refuses private addresses and connects to the address it checked.
This module adds an allow-list, and refuses a few special ranges that requests-hardened accepts.
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

#: the only routed part of IPv6; the rest (site-local, embedded IPv4, unassigned) is special
_ROUTED_IPV6 = IPv6Network("2000::/3")
#: public addresses that reach the hosting platform: Azure's wire server, which returns the secrets of a machine
_HOST_SERVICES = frozenset({IPv4Address("168.63.129.16")})


def is_special(address: Address) -> bool:
    """Whether the address is not public: private, loopback, link-local, shared, multicast, reserved, …"""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:  # the same address, written differently
            return is_special(address.ipv4_mapped)
        if address not in _ROUTED_IPV6:
            return True
    return address in _HOST_SERVICES or address.is_multicast or address.is_reserved or not address.is_global


class AllowList:
    """Host names, addresses and CIDR networks that may be fetched from even if they are special."""

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
        """Whether the list has the host name of the URL, or the address that it resolved to."""
        return host.lower().rstrip(".") in self._names or any(address in network for network in self._networks)


class PinnedAdapter(IPFilterAdapter):  # type: ignore[misc]  # it has no types
    """Connects to an address that was resolved once and checked; the Host header and TLS use the name in the URL."""

    def __init__(self, allow: AllowList, *, https: bool, address: Address | None = None) -> None:
        """`address`: of the host, if it is already resolved."""
        super().__init__(is_https_proto=https)
        self._allow = allow
        self._address = address

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: bool | str, cert: str | tuple[str, str] | None = None
    ) -> _PoolKey:
        """The key of the connection pool, with an address as its host. Raises InvalidIPAddress for an address not allowed."""
        if self._address is not None:
            return self._allowed_override(self._address, request, verify, cert)
        try:
            host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
            address = ip_address(host["host"].strip("[]"))
            if is_special(address):
                raise InvalidIPAddress(address)
        except InvalidIPAddress as refused:  # already resolved; it must not be resolved twice
            return self._allowed_override(refused.args[0], request, verify, cert)
        return host, tls

    def _allowed_override(
        self, address: Address, request: PreparedRequest, verify: bool | str, cert: str | tuple[str, str] | None
    ) -> _PoolKey:
        """The same for a known address. Raises InvalidIPAddress if the address needs an allow-list entry and has none."""
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
    """The address to connect to for this host. Raises socket.gaierror. Has no timeout but the resolver's."""
    address: Address = ip_address(
        socket.getaddrinfo(host, port, family=allowed_gai_family(), type=socket.SOCK_STREAM)[0][4][0]
    )
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def needs_allow_entry(address: Address) -> bool:
    """Whether the address is fetched from only if the allow-list has it: special ones, and those blocked by requests-hardened."""
    return is_special(address) or any(address in network for network in EXTRA_BLOCKED_NET_RANGES)
