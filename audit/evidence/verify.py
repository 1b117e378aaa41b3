#!/usr/bin/env python3
"""Verifies an evidence archive of Incident Center. Needs Python 3.8 and nothing else.

    python3 verify.py ARCHIVE.zip [--key PUBLIC_KEY.pem] [--seals PUBLISHED.jsonl]

It recomputes everything: each byte of the archive, the digest of every file, the signature (Ed25519, RFC 8032), the
hash of every audit entry, its path to the root of its seal (RFC 6962), and each seal's path to the newest seal.
What it does not know by itself is whose key it is: get the public key from the installation, over a way that you
trust, and give it with --key. With --seals it also looks for the seals in what was published outside the database.

Exit status: 0 everything holds, 1 something does not, 2 the archive could not be read.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import struct
import sys
import zipfile
import zlib

LEAF = b"\x00"
NODE = b"\x01"
SEAL = b"\x02"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
PUBLIC_KEY = "public-key.pem"
ENTRIES = "audit/entries.jsonl"
PROOFS = "audit/proofs.json"
# What stands before the 32 bytes of an Ed25519 public key in a PEM file (RFC 8410).
PUBLIC_KEY_PREFIX = bytes.fromhex("302a300506032b6570032100")


class Invalid(Exception):
    """Something does not hold; the message says what."""


# ---- Trees and seals -------------------------------------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE + left + right).digest()


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """The root that the proof leads to (RFC 9162, section 2.1.3.2); None where the proof cannot be one."""
    if not 0 <= index < size:
        return None
    node, position, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            return None
        if position % 2 or position == last:
            node = node_hash(sibling, node)
            while position % 2 == 0 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return node if last == 0 else None


def seal_hash(document: dict[str, object]) -> bytes:
    """The hash of a seal: of its members in their order, as JSON without spaces."""
    return hashlib.sha256(SEAL + json.dumps(document, separators=(",", ":")).encode("ascii")).digest()


# ---- The archive -----------------------------------------------------------------------------------------------------


def pack(files: list[tuple[str, bytes]]) -> bytes:
    """A ZIP archive in which nothing is left to choose: stored, in this order, of 1 January 1980.

    So the same files are the same bytes, and a byte that was changed anywhere in an archive shows.
    """
    body, directory = io.BytesIO(), io.BytesIO()
    for name, data in files:
        path = name.encode()
        facts = struct.pack("<HHHHHIIIHH", 20, 0x0800, 0, 0, 0x21, zlib.crc32(data), len(data), len(data), len(path), 0)
        directory.write(b"PK\x01\x02" + struct.pack("<H", 0x0314) + facts)
        directory.write(struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, body.tell()) + path)
        body.write(b"PK\x03\x04" + facts + path + data)
    listing = directory.getvalue()
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(listing), body.tell(), 0)
    return body.getvalue() + listing + b"PK\x05\x06" + end


def unpack(archive: bytes) -> dict[str, bytes]:
    """The files of an archive.

    Raises:
        Invalid: it is not, to the byte, as it was made.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            files = [(name, opened.read(name)) for name in opened.namelist()]
    except Exception as error:
        raise Invalid(f"the archive cannot be read: {error}") from error
    if len(dict(files)) != len(files):
        raise Invalid("the archive has two files of one name")
    if pack(files) != archive:
        raise Invalid("the archive's own bytes were changed")
    return dict(files)


# ---- Ed25519 (RFC 8032, section 5.1, after its reference implementation in section 6) --------------------------------

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
Point = tuple  # x, y, z, t in extended homogeneous coordinates


def _add(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f, g * h, f * g, e * h)


def _times(factor: int, point: Point) -> Point:
    result = (0, 1, 1, 0)
    while factor > 0:
        if factor & 1:
            result = _add(result, point)
        point = _add(point, point)
        factor >>= 1
    return result


def _same(one: Point, other: Point) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % _P == 0 and (one[1] * other[2] - other[1] * one[2]) % _P == 0


def _point(data: bytes) -> Point | None:
    """The point that 32 bytes stand for; None where there is none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P)
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _SQRT_OF_MINUS_ONE % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return (x, y, 1, x * y % _P)


_BASE: Point = _point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little")) or ()


def ed25519_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = _point(public), _point(signature[:32])
    response = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or response >= _ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _ORDER
    return _same(_times(response, _BASE), _add(commitment, _times(challenge, key)))


def public_key_of(pem: bytes) -> bytes:
    """The 32 bytes in a PEM file.

    Raises:
        Invalid: it is not the public key of Ed25519.
    """
    lines = pem.decode("ascii", "replace").split()
    encoded = "".join(line for line in lines if not line.startswith("-") and line not in ("PUBLIC", "BEGIN", "END"))
    try:
        der = base64.b64decode(encoded.replace("KEY-----", ""), validate=True)
    except ValueError as error:
        raise Invalid("the public key cannot be read") from error
    if len(der) != 44 or not der.startswith(PUBLIC_KEY_PREFIX):
        raise Invalid("the public key is not one of Ed25519")
    return der[12:]


# ---- What is verified ------------------------------------------------------------------------------------------------


def check_manifest(files: dict[str, bytes], trusted_key: bytes | None) -> dict[str, object]:
    """The signature over the manifest, and the manifest's digest of every other file."""
    for name in (MANIFEST, SIGNATURE, PUBLIC_KEY):
        if name not in files:
            raise Invalid(f"{name} is missing")
    key = public_key_of(files[PUBLIC_KEY])
    if trusted_key is not None and key != trusted_key:
        raise Invalid("the archive was signed with another key than the one given")
    if not ed25519_verifies(key, files[MANIFEST], files[SIGNATURE]):
        raise Invalid("the signature does not fit the manifest")
    manifest = json.loads(files[MANIFEST])
    listed = {each["path"]: each for each in manifest["files"]}
    for name in sorted(set(files) - {MANIFEST, SIGNATURE}):
        if name not in listed:
            raise Invalid(f"{name} is not in the manifest")
        if hashlib.sha256(files[name]).hexdigest() != listed[name]["sha256"]:
            raise Invalid(f"{name} was changed")
    for name in listed:
        if name not in files:
            raise Invalid(f"{name} was removed")
    return dict(manifest)


def check_entries(files: dict[str, bytes], record: object) -> tuple[int, int, dict[tuple[object, object], str]]:
    """Every audit entry up to the newest seal: how many are sealed, how many not yet, and the seals by number.

    ``record`` is the number of the organization in entries and seals: those of another would prove nothing.
    """
    lines = files[ENTRIES].splitlines()
    document = json.loads(files[PROOFS])
    seals = {}
    for each in document["seals"]:
        if seal_hash(each["document"]).hex() != each["hash"]:
            raise Invalid("seal {} was changed".format(each["document"]["number"]))
        if each["document"]["organization_id"] != record:
            raise Invalid("seal {} is of another organization's record".format(each["document"]["number"]))
        seals[each["document"]["number"]] = each
    newest = document["newest_seal"]
    for number, each in seals.items():
        if number != newest:
            _check_seal(each, seals[newest])
    sealed = 0
    if len(lines) != len(document["entries"]):
        raise Invalid(f"there are {len(lines)} entries and {len(document['entries'])} proofs")
    for line, proof in zip(lines, document["entries"]):
        entry = json.loads(line)
        if entry["organization_id"] != record:
            raise Invalid("the audit entry {} is of another organization".format(entry["id"]))
        if proof["seal"] is None:
            _check_too_new(entry, seals.get(newest))
            continue
        facts = seals[proof["seal"]]["document"]
        path = [bytes.fromhex(text) for text in proof["path"]]
        found = root_from_inclusion(leaf_hash(line), proof["index"], facts["entries"], path)
        if found is None or found.hex() != facts["root"]:
            raise Invalid("the audit entry {} is not in seal {}".format(entry["id"], proof["seal"]))
        sealed += 1
    published = {(each["document"]["organization_id"], number): str(each["hash"]) for number, each in seals.items()}
    return sealed, len(lines) - sealed, published


def _check_too_new(entry: dict[str, object], newest: dict[str, object] | None) -> None:
    """An entry without a proof is of a transaction that the newest seal does not cover yet."""
    if newest is None:
        return
    facts: dict[str, object] = newest["document"]  # type: ignore[assignment]
    if (entry["epoch"], entry["transaction_id"]) < (facts["epoch"], facts["until_transaction"]):  # type: ignore[operator]
        raise Invalid("the audit entry {} is old enough to be sealed, and has no proof".format(entry["id"]))


def _check_seal(each: dict[str, object], newest: dict[str, object]) -> None:
    """An earlier seal is in the history that the newest one vouches for."""
    facts: dict[str, object] = newest["document"]  # type: ignore[assignment]
    number = int(each["document"]["number"])  # type: ignore[index]
    path = [bytes.fromhex(text) for text in each["path"]]  # type: ignore[attr-defined]
    leaf = bytes.fromhex(str(each["hash"]))
    found = root_from_inclusion(leaf, number - 1, int(facts["number"]) - 1, path)  # type: ignore[call-overload]
    if found is None or found.hex() != facts["history"]:
        raise Invalid("seal {} is not one of those before seal {}".format(number, facts["number"]))


def check_published(seals: dict[tuple[object, object], str], path: str) -> int:
    """Every seal of the archive stands in the published file as it is here; how many do."""
    missing = dict(seals)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            try:
                each = json.loads(line)
                name = (each["organization_id"], each["number"])
                published_hash = each["hash"]
            except (ValueError, KeyError, TypeError):
                continue  # Torn by a crash in the middle of writing it; the same seals were written again.
            if name in seals and published_hash != seals[name]:
                raise Invalid(f"seal {name[1]} was published with another hash")
            missing.pop(name, None)
    if missing:
        raise Invalid(f"seal {min(str(number) for _, number in missing)} is not among those published")
    return len(seals)


def verify(archive: bytes, trusted_key: bytes | None = None, published: str = "") -> list[str]:
    """What was found to hold, in sentences.

    Raises:
        Invalid: something does not.
    """
    files = unpack(archive)
    try:
        manifest = check_manifest(files, trusted_key)
        title = "{}, made {}".format(manifest["subject"], manifest["made_at"])
        organization: dict[str, object] = manifest["organization"]  # type: ignore[assignment]
        sealed, unsealed, seals = check_entries(files, organization["record"])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Invalid(f"manifest or proofs cannot be read: {error!r}") from error
    found = [
        title,
        f"{len(files) - 2} files are as they were signed",
        f"{sealed} audit entries are under {len(seals)} seals",
    ]
    if unsealed:
        found.append(f"{unsealed} audit entries were too new to be sealed; the signature alone vouches for them")
    if published:
        found.append(f"{check_published(seals, published)} seals stand in the published file as they are here")
    key = public_key_of(files[PUBLIC_KEY])
    found.append(f"signed with the key {hashlib.sha256(PUBLIC_KEY_PREFIX + key).hexdigest()[:32]}")
    if trusted_key is None:
        found.append("NOTE: the key is the archive's own; compare it with the installation's, or give it with --key")
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Verifies an evidence archive of Incident Center.")
    parser.add_argument("archive")
    parser.add_argument("--key", help="the installation's public key, got from elsewhere (PEM)")
    parser.add_argument("--seals", default="", help="the file in which the installation publishes its seals")
    options = parser.parse_args(arguments)
    try:
        with open(options.archive, "rb") as file:
            archive = file.read()
        trusted = None
        if options.key:
            with open(options.key, "rb") as file:
                trusted = public_key_of(file.read())
        for sentence in verify(archive, trusted, options.seals):
            print(sentence)
    except OSError as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return 2
    except Invalid as error:
        print(f"INVALID: {error}")
        return 1
    print("VALID")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
