"""Unpacking without trust."""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib
from types import SimpleNamespace

import pytest
import zstandard

from ingestion.parsers.encoding import TooLargeError, UnpackError, UnsupportedEncodingError, unpack

TEXT = b'{"level":"info","message":"hello"}' * 100
LIMIT = 1_000_000


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (TEXT, ""),
        (TEXT, "identity"),
        (gzip.compress(TEXT), "gzip"),
        (gzip.compress(TEXT[:50]) + gzip.compress(TEXT[50:]), "GZIP"),
        (zstandard.compress(TEXT), "zstd"),
        (zstandard.compress(TEXT[:50]) + zstandard.compress(TEXT[50:]), "zstd"),
    ],
    ids=["none", "identity", "gzip", "gzip twice", "zstd", "zstd twice"],
)
def test_round_trip(packed: bytes, encoding: str):
    assert unpack(packed, encoding, limit=LIMIT) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("packed", [b"", b"plain text", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"])
def test_what_is_not_packed(packed: bytes, encoding: str):
    with pytest.raises(UnpackError):
        unpack(packed, encoding, limit=LIMIT)


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [(gzip.compress(TEXT)[:-9], "gzip"), (zstandard.compress(TEXT * 50)[:-20], "zstd")],
    ids=["gzip", "zstd"],
)
def test_truncated(packed: bytes, encoding: str):
    with pytest.raises(UnpackError, match="too early"):
        unpack(packed, encoding, limit=LIMIT)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_bomb_is_refused_before_it_is_made(pack):
    bomb = pack(bytes(200_000_000))
    encoding = "gzip" if pack is gzip.compress else "zstd"
    tracemalloc.start()
    with pytest.raises(TooLargeError):
        unpack(bomb, encoding, limit=LIMIT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * LIMIT


def test_other_encodings_and_plain_excess():
    for encoding in ("br", "deflate", "gzip, gzip"):
        with pytest.raises(UnsupportedEncodingError):
            unpack(TEXT, encoding, limit=LIMIT)
    with pytest.raises(TooLargeError):
        unpack(TEXT, "", limit=10)


def test_many_members_cost_no_more_than_their_bytes(monkeypatch: pytest.MonkeyPatch):
    """What follows a member must not be copied whole for each: a body of empty members would take minutes."""
    handed = 0

    class Counted:
        def __init__(self, **options: int) -> None:
            self._member = zlib.decompressobj(**options)

        def decompress(self, data: bytes, longest: int) -> bytes:
            nonlocal handed
            handed += len(data)
            return self._member.decompress(data, longest)

        def __getattr__(self, name: str) -> object:
            return getattr(self._member, name)

    members = 10_000
    body = gzip.compress(b"") * members + gzip.compress(TEXT)
    with monkeypatch.context() as patch:
        patch.setattr("ingestion.parsers.encoding.zlib", SimpleNamespace(**{**vars(zlib), "decompressobj": Counted}))
        assert unpack(body, "gzip", limit=LIMIT) == TEXT
    assert handed <= members * 16 * 1024


def test_members_across_pieces_come_out_whole():
    parts = [random.Random(number).randbytes(number * 7_001) for number in range(8)]
    assert unpack(b"".join(map(gzip.compress, parts)), "gzip", limit=LIMIT) == b"".join(parts)


def test_a_packed_body_beyond_the_limit_is_too_large_and_not_torn():
    with pytest.raises(TooLargeError):
        unpack(gzip.compress(b"") * 100, "gzip", limit=1_000)
