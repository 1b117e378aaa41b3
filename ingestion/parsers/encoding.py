"""Undoing ``Content-Encoding`` without trusting it: what comes out is bounded before it is made."""

from __future__ import annotations

import zlib

import zstandard

#: RFC 8878 recommends that decoders support, and encoders stay within, a window of 8 MiB.
ZSTANDARD_WINDOW_BYTES = 8 * 1024 * 1024
SUPPORTED = ("gzip", "zstd", "identity")
#: Handed to zlib at a time. What follows a member's end is copied, so a body of many members costs this for each.
_GZIP_PIECE = 16 * 1024


class UnpackError(ValueError):
    """The body does not decompress; its text says why."""


class TooLargeError(UnpackError):
    """The body is, or unpacks to, more than the limit."""


class UnsupportedEncodingError(UnpackError):
    """``Content-Encoding`` names something other than gzip, zstd or identity."""


def unpack(body: bytes, content_encoding: str, *, limit: int) -> bytes:
    """The body as its sender wrote it, at most ``limit`` bytes.

    Raises:
        TooLargeError: more than ``limit`` bytes, whatever they were packed into; nothing beyond the limit is
            made.
        UnsupportedEncodingError: an encoding that is not supported, or more than one.
        UnpackError: truncated or corrupt.
    """
    if len(body) > limit:
        raise TooLargeError(f"the body is larger than {limit} bytes")
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        unpacked = body
    elif encoding in ("gzip", "x-gzip"):
        unpacked = _gunzip(body, limit)
    elif encoding == "zstd":
        unpacked = _unzstd(body, limit)
    else:
        raise UnsupportedEncodingError(
            f"Content-Encoding {content_encoding[:40]!r} is not one of {', '.join(SUPPORTED)}"
        )
    if len(unpacked) > limit:
        raise TooLargeError(f"the body is larger than {limit} bytes unpacked")
    return unpacked


def _gunzip(body: bytes, limit: int) -> bytes:
    if not body:
        raise UnpackError("not valid gzip: the body is empty")
    packed = memoryview(body)
    pieces: list[bytes] = []
    total = place = 0
    while place < len(packed):  # A gzip stream may have several members (RFC 1952, 2.2).
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not member.eof:
            if place >= len(packed):
                raise UnpackError("not valid gzip: the stream ends too early")
            part = packed[place : place + _GZIP_PIECE]
            try:
                piece = member.decompress(part, limit + 1 - total)
            except zlib.error as error:
                raise UnpackError(f"not valid gzip: {error}") from error
            pieces.append(piece)
            total += len(piece)
            if total > limit:
                raise TooLargeError(f"the body is larger than {limit} bytes unpacked")
            place += len(part) - len(member.unused_data)
    return b"".join(pieces)


def _unzstd(body: bytes, limit: int) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTANDARD_WINDOW_BYTES)
    try:
        declared = zstandard.get_frame_parameters(body).content_size
        with decompressor.stream_reader(body, read_across_frames=True) as reader:
            unpacked = reader.read(limit + 1)
    except zstandard.ZstdError as error:
        raise UnpackError(f"not valid zstd: {error}") from error
    unknown = (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR)
    if len(unpacked) <= limit and declared not in unknown and len(unpacked) < declared:
        raise UnpackError("not valid zstd: the stream ends too early")
    return unpacked
