"""The guard against server-side request forgery: addresses, rebinding, redirects, time and size."""

from __future__ import annotations

import datetime
import ssl
import time
from pathlib import Path

import pytest

from notifications.channels.egress import (
    LONGEST_ANSWER_BYTES,
    EgressError,
    EgressRefusedError,
    EgressTimeoutError,
    check_target,
    check_url,
    post,
    refusal,
)
from tests.notifications.receiver import Answer, Receiver

PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
PRIVATE = [
    "10.0.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "240.0.0.1",
    "0.1.2.3",
    "::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::8.8.8.8",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "100::1",
]
NEVER = [
    "0.0.0.0",
    "::",
    "255.255.255.255",
    "224.0.0.1",
    "ff02::1",
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address: str):
    assert refusal(address, allow_private=False) == ""


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_the_operators_word(address: str):
    assert refusal(address, allow_private=False)
    assert refusal(address, allow_private=True) == ""


@pytest.mark.parametrize("address", NEVER)
def test_what_no_setting_allows(address: str):
    assert refusal(address, allow_private=False)
    assert refusal(address, allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "https://",
        "https://user:secret@example.com/",
        "https://example.com@10.0.0.1/",
        "https://exam ple.com/",
        "https://exämple.com/",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://[::1/",
        "https://example.com/\r\nX: y",
        "javascript:alert(1)",
        "",
    ],
)
def test_malformed_addresses_are_refused(url: str):
    with pytest.raises(EgressRefusedError):
        check_url(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0",
        "localhost",
    ],
)
def test_every_spelling_of_loopback_is_loopback(host: str, settings):
    settings.EGRESS_ALLOW_PRIVATE = False
    with pytest.raises(EgressError) as refused:
        check_target(f"http://{host}/")
    assert isinstance(refused.value, EgressRefusedError), refused.value


def test_one_private_address_among_public_ones_is_enough(settings):
    settings.EGRESS_ALLOW_PRIVATE = False
    with pytest.raises(EgressRefusedError, match=r"10\.0\.0\.1"):
        check_target("https://example.com/", resolver=lambda *_: ["8.8.8.8", "10.0.0.1"])


def test_a_name_that_rebinds_after_the_check_gains_nothing(receiver: Receiver):
    """The resolver answers loopback once, and would answer something else the second time."""
    answers = iter([["127.0.0.1"], ["192.0.2.1"], ["192.0.2.1"]])
    url = f"http://rebinding.example:{receiver.port}/hook?a=1"
    answer = post(url, body=b"x", headers={}, resolver=lambda *_: next(answers))
    assert answer.status == 200
    assert receiver.received[0].headers["host"] == f"rebinding.example:{receiver.port}"
    assert receiver.received[0].path == "/hook?a=1"


def test_the_next_address_is_tried_when_one_refuses(receiver: Receiver):
    url = f"http://two.example:{receiver.port}/"
    assert post(url, body=b"", headers={}, resolver=lambda *_: ["127.0.0.9", "127.0.0.1"]).status == 200


def test_redirects_are_not_followed(receiver: Receiver):
    receiver.answers = [Answer(302, {"Location": receiver.url})]
    assert post(receiver.url, body=b"", headers={}).status == 302
    assert len(receiver.received) == 1


def test_a_stalling_server_gets_its_bounded_time(receiver: Receiver):
    receiver.answers = [Answer(stall=5)]
    began = time.monotonic()
    with pytest.raises(EgressTimeoutError):
        post(receiver.url, body=b"", headers={}, total_seconds=0.3)
    assert time.monotonic() - began < 2


def test_a_server_that_sends_byte_by_byte_gets_no_more_of_it(receiver: Receiver):
    receiver.answers = [Answer(body=b"x" * 1_000, drip=0.05)]
    began = time.monotonic()
    with pytest.raises(EgressTimeoutError):
        post(receiver.url, body=b"", headers={}, total_seconds=0.4)
    assert time.monotonic() - began < 2


def test_a_name_that_is_never_resolved_ends_in_time():
    with pytest.raises(EgressTimeoutError, match="not resolved"):
        post("http://slow.example/", body=b"", headers={}, resolver=lambda *_: time.sleep(3) or [], total_seconds=0.2)


def test_only_the_beginning_of_a_large_answer_is_read(receiver: Receiver):
    receiver.answers = [Answer(body=b"x" * 5_000_000)]
    assert len(post(receiver.url, body=b"", headers={}).body) == LONGEST_ANSWER_BYTES


def test_a_closed_port_is_said_so(settings):
    settings.EGRESS_ALLOW_PRIVATE = True
    with pytest.raises(EgressError, match=r"refuses connections|failed"):
        post("http://127.0.0.1:1/", body=b"", headers={})


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for hook.example, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook.example")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_tls_proves_the_name_and_not_the_address(receiver: Receiver, certificate: Path):
    """The connection goes to the checked address; SNI and the certificate are about the host's name."""
    asked: list[str | None] = []
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate)
    server_side.sni_callback = lambda _socket, name, _context: asked.append(name)
    receiver.server.socket = server_side.wrap_socket(receiver.server.socket, server_side=True)
    trust = ssl.create_default_context(cafile=str(certificate))

    def call(host: str) -> int:
        return post(
            f"https://{host}:{receiver.port}/",
            body=b"",
            headers={},
            resolver=lambda *_: ["127.0.0.1"],
            trust=trust,
        ).status

    assert call("hook.example") == 200
    assert asked == ["hook.example"]
    with pytest.raises(EgressError, match="certificate"):
        call("other.example")
