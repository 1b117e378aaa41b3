"""The one way out: every call to an address that a person wrote goes through this guard.

Without it a channel would be a window into the operator's network (server-side request forgery). The guard resolves
the name once, refuses addresses that are not public, and connects to exactly the address that it checked, so that a
name that resolves differently a moment later (DNS rebinding) gains nothing. Redirects are not followed, and the time
and the size of an answer are bounded whatever the other side does.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import certifi
import httpcore
from django.conf import settings

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
LONGEST_ANSWER_BYTES = 64 * 1024
MOST_ADDRESSES = 4

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]


class EgressError(Exception):
    """The call did not come to an answer. The message is a sentence for the channel's owner."""


class EgressRefusedError(EgressError):
    """The address is not one that may be called; trying again changes nothing."""


class EgressTimeoutError(EgressError):
    """No answer within the bound."""


# ---- Addresses -------------------------------------------------------------------------------------------

_GLOBAL_UNICAST_6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Public by their range, and yet not the public internet.
_SPECIAL = [
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # Carrier-grade NAT, also some clouds' metadata (100.100.100.200).
        "168.63.129.16/32",  # Azure's platform address.
        "192.0.0.0/24",  # Protocol assignments, also Oracle Cloud's metadata (192.0.0.192).
        "192.88.99.0/24",  # 6to4 relays.
        "198.18.0.0/15",  # Benchmarks.
        "240.0.0.0/4",
        "2001::/23",  # Protocol assignments, Teredo among them: carries an IPv4 address.
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries an IPv4 address.
        "3fff::/20",
    )
]
# Never, not even where private addresses are allowed: the machine's own credentials are behind them.
_LINK_LOCAL = [ipaddress.ip_network(network) for network in ("169.254.0.0/16", "fe80::/10")]
_METADATA = [ipaddress.ip_address(one) for one in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")]


def refusal(text: str, *, allow_private: bool) -> str:
    """Why the IP address may not be called; empty when it may."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif address in _NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        return f"{text} is not the address of a single machine"
    if any(address in network for network in _LINK_LOCAL):
        return f"{text} is a link-local address"
    if address in _METADATA:
        return f"{text} is a cloud's own address"
    if allow_private:
        return ""
    is_special = any(address in network for network in _SPECIAL)
    is_outside_6 = address.version == 6 and address not in _GLOBAL_UNICAST_6
    if not address.is_global or is_special or is_outside_6:
        return f"{text} is not a public address"
    return ""


@dataclass(frozen=True)
class Target:
    """A checked URL and the addresses that its name stood for at that moment."""

    url: str
    host: str
    port: int
    addresses: tuple[str, ...]


def check_url(url: str) -> tuple[str, int]:
    """The host and port of a URL that has the form of a channel's address; nothing is resolved.

    Raises:
        EgressRefusedError: another scheme than http(s), no host, or a user name in it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise EgressRefusedError(f"The address cannot be read: {error}.") from error
    if parts.scheme not in ("http", "https"):
        raise EgressRefusedError("The address must begin with https:// or http://.")
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        raise EgressRefusedError("The address must name a host, in plain ASCII and without spaces.")
    if "@" in parts.netloc:
        raise EgressRefusedError("The address must not hold a user name or password.")
    if port == 0:
        raise EgressRefusedError("The address must not name port 0, which nobody listens on.")
    return host, port or (443 if parts.scheme == "https" else 80)


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses of a host, as the machine resolves names; also what ``inet_aton`` reads (``0x7f.1``)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_target(url: str, *, resolver: Resolver | None = None, seconds: float = CONNECT_SECONDS) -> Target:
    """Resolves the URL's host, once, and checks every address that it stands for.

    Raises:
        EgressRefusedError: the form or one of the addresses is refused. One is enough: which of them would be
            connected to could otherwise be steered.
        EgressTimeoutError, EgressError: the name does not resolve.
    """
    host, port = check_url(url)
    return Target(url, host, port, check_host(host, port, resolver=resolver, seconds=seconds))


def check_host(
    host: str, port: int, *, resolver: Resolver | None = None, seconds: float = CONNECT_SECONDS
) -> tuple[str, ...]:
    """The addresses that a host stands for at this moment, each of them checked. Raises as ``check_target``."""
    addresses = _resolve(resolver or system_resolver, host, port, seconds)
    for address in addresses:
        if reason := refusal(address, allow_private=settings.EGRESS_ALLOW_PRIVATE):
            raise EgressRefusedError(
                f"{host} may not be called: {reason}. The operator allows it with EGRESS_ALLOW_PRIVATE=1."
                if not settings.EGRESS_ALLOW_PRIVATE
                else f"{host} may not be called: {reason}."
            )
    return tuple(addresses[:MOST_ADDRESSES])


def _resolve(resolver: Resolver, host: str, port: int, seconds: float) -> list[str]:
    """The system's resolver knows no time limit, so it runs on a thread that may be left behind."""
    answers: queue.Queue[list[str] | OSError | UnicodeError] = queue.Queue()

    def ask() -> None:
        try:
            answers.put(resolver(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty as error:
        raise EgressTimeoutError(f"The name {host} was not resolved within {seconds:.0f} s.") from error
    if isinstance(answer, Exception) or not answer:
        raise EgressError(f"The name {host} does not resolve.")
    return answer


# ---- The call --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What the other side said. ``body`` is at most its first 64 KiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Deadline:
    """Seconds left of the whole call: a server that sends one byte at a time gets no more of them."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, at_most: float | None = None) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout()
        return left if at_most is None else min(left, at_most)


class _BoundedStream(httpcore.NetworkStream):
    """A connection each of whose steps ends by the deadline of the whole."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        # Python's handshake keeps one deadline over all its reads.
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _BoundedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _PinnedBackend(httpcore.NetworkBackend):
    """Connects to the checked addresses, whatever the host's name resolves to by now."""

    def __init__(self, target: Target, deadline: _Deadline) -> None:
        self._target = target
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        assert port == self._target.port
        connecting = _Deadline(self._deadline.left(timeout))
        failure: Exception = httpcore.ConnectError("no address")
        for number, address in enumerate(self._target.addresses):
            share = connecting.left() / (len(self._target.addresses) - number)
            try:
                stream = httpcore.SyncBackend().connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _BoundedStream(stream, self._deadline)
        raise failure


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """The system's authorities (an operator's own among them), and Mozilla's where the system has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def post(url: str, *, body: bytes, headers: Mapping[str, str], **options: Any) -> Answer:
    """``call`` with POST."""
    return call("POST", url, body=body, headers=headers, **options)


def call(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str],
    resolver: Resolver | None = None,
    trust: ssl.SSLContext | None = None,
    total_seconds: float | None = None,
) -> Answer:
    """Sends one request and returns the answer, whatever its status. A redirect is an answer, and is not followed.

    Raises:
        EgressRefusedError: the address may not be called.
        EgressTimeoutError: no complete answer within ``total_seconds``, or TOTAL_SECONDS.
        EgressError: no connection, no valid TLS, or no valid HTTP.
    """
    total_seconds = TOTAL_SECONDS if total_seconds is None else total_seconds
    deadline = _Deadline(total_seconds)
    target = check_target(url, resolver=resolver, seconds=min(CONNECT_SECONDS, total_seconds))
    timeouts = {"connect": CONNECT_SECONDS, "read": total_seconds, "write": total_seconds, "pool": total_seconds}
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=trust or _trust(), network_backend=_PinnedBackend(target, deadline), retries=0
            ) as pool,
            pool.stream(
                method,
                url,
                headers=[*headers.items(), ("Connection", "close")],
                content=body,
                extensions={"timeout": timeouts},
            ) as response,
        ):
            answer = b""
            for piece in response.iter_stream():
                answer += piece
                if len(answer) >= LONGEST_ANSWER_BYTES:
                    break
            names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return Answer(response.status, names, answer[:LONGEST_ANSWER_BYTES])
    except httpcore.TimeoutException as error:
        raise EgressTimeoutError(f"{target.host} did not answer within {total_seconds:.0f} s.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
        raise EgressError(_connection_failure(target.host, error)) from error


def _connection_failure(host: str, error: Exception) -> str:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"{host} does not prove who it is: its certificate is not valid for this name, or nobody vouches for it."
    if "refused" in text:
        return f"{host} refuses connections."
    return f"The connection to {host} failed: {text or type(error).__name__}."
