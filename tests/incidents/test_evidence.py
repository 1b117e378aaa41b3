"""The evidence of an incident: it proves itself, and a change of any byte of it shows."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from audit.actions.seal import seal_everything
from audit.actions.signing_key import sign
from audit.evidence import verify
from audit.evidence.verify import Invalid, pack, unpack
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_note import incident_note
from incidents.evidence import parts
from incidents.lifecycle import Status
from organizations.access import Role
from tests.factories import make_world
from tests.incidents.conftest import Speaker
from tests.incidents.factories import open_incident


@pytest.fixture
def world(committed_database, tmp_path, settings):
    settings.AUDIT_SEALS_FILE = tmp_path / "seals.jsonl"
    yield make_world("Acme")
    connection.close()


@pytest.fixture
def incident(world):
    """One with a past: noted, sealed, taken up, sealed."""
    with world.scope():
        incident = open_incident(world, title="Payments fail 💳")
        incident_note(incident_id=incident.pk, actor=world.actor, body="It is the database.")
    seal_everything()
    with world.scope():
        incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.INVESTIGATING)
    return incident


@pytest.fixture
def archive(world, incident) -> bytes:
    answer = Speaker(world, Role.AUDITOR).post(f"/v1/incidents/{incident.reference}/evidence")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert f'"evidence-{incident.reference}.zip"' in answer["Content-Disposition"]
    return answer.content


def test_the_archive_has_everything_and_holds(world, incident, archive, tmp_path):
    files = unpack(archive)
    assert {"README.txt", "incident.json", "timeline.jsonl", "logs.jsonl", "alerts.jsonl", "verify.py"} <= set(files)
    assert json.loads(files["incident.json"])["title"] == "Payments fail 💳"
    kinds = [json.loads(line)["kind"] for line in files["timeline.jsonl"].splitlines()]
    assert {"opened", "note", "acknowledged"} <= set(kinds)
    entries = [json.loads(line) for line in files["audit/entries.jsonl"].splitlines()]
    assert [each["operation"] for each in entries if each["table_name"] == "incidents_incident"][:2] == [
        "insert",
        "update",
    ]
    proofs = json.loads(files["audit/proofs.json"])
    assert all(each["seal"] for each in proofs["entries"])
    assert len({each["seal"] for each in proofs["entries"]}) == 2
    found = verify.verify(archive, published=str(tmp_path / "seals.jsonl"))
    assert f"{len(entries)} audit entries are under 2 seals" in found


def test_the_verifier_runs_alone(world, archive, tmp_path):
    (tmp_path / "evidence.zip").write_bytes(archive)
    (tmp_path / "verify.py").write_bytes(unpack(archive)["verify.py"])
    key = Speaker(world, Role.OWNER).get("/v1/evidence/public-key").content
    (tmp_path / "key.pem").write_bytes(key)
    arguments = ["evidence.zip", "--key", "key.pem", "--seals", "seals.jsonl"]
    command = [sys.executable, "-I", "-S", "verify.py", *arguments]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "VALID"), ended.stdout + ended.stderr
    (tmp_path / "evidence.zip").write_bytes(archive.replace(b"It is the database.", b"It was the network."))
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and "INVALID" in ended.stdout


def test_a_change_of_any_byte_is_found(archive):
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(place=some.integers(0, len(archive) - 1), mask=some.integers(1, 255))
    def changed(place: int, mask: int) -> None:
        tampered = bytearray(archive)
        tampered[place] ^= mask
        with pytest.raises(Invalid):
            verify.verify(bytes(tampered))

    changed()
    for cut in (archive[:-1], archive + b"\0", archive[1:]):
        with pytest.raises(Invalid):
            verify.verify(cut)


def test_files_that_were_exchanged_added_or_left_out_are_found(archive):
    files = unpack(archive)
    for changed in (
        {**files, "incident.json": files["incident.json"].replace(b"high", b"low")},
        {**files, "more.txt": b"more"},
        {name: data for name, data in files.items() if name != "timeline.jsonl"},
    ):
        with pytest.raises(Invalid):
            verify.verify(pack(list(changed.items())))


def signed_again(archive: bytes, changed: dict[str, bytes], **facts: object) -> bytes:
    """What somebody can hand out who has the installation's key."""
    files = {**unpack(archive), **changed}
    manifest = {**json.loads(files["manifest.json"]), **facts}
    for each in manifest["files"]:
        each["sha256"] = sha256(files[each["path"]]).hexdigest()
    files["manifest.json"] = json.dumps(manifest).encode()
    files["manifest.sig"], _ = sign(files["manifest.json"])
    return pack(list(files.items()))


def test_the_holder_of_the_key_cannot_pass_old_entries_off_as_new_ones(world, archive):
    assert verify.verify(signed_again(archive, {}))
    proofs = json.loads(unpack(archive)["audit/proofs.json"])
    proofs["entries"][0] = {"seal": None}
    with pytest.raises(Invalid, match="has no proof"):
        verify.verify(signed_again(archive, {"audit/proofs.json": json.dumps(proofs).encode()}))


def test_the_record_of_another_organization_proves_nothing(world, archive):
    organization = {**json.loads(unpack(archive)["manifest.json"])["organization"], "record": 999}
    with pytest.raises(Invalid, match="another organization"):
        verify.verify(signed_again(archive, {}, organization=organization))


def test_a_manifest_that_says_nothing_is_invalid(world, archive):
    with pytest.raises(Invalid, match="cannot be read"):
        verify.verify(signed_again(archive, {}, organization=None))


def test_a_line_that_a_crash_tore_does_not_spoil_the_published_seals(archive, tmp_path):
    published = tmp_path / "seals.jsonl"
    first, rest = published.read_text().split("\n", 1)
    published.write_text(f"{first[:40]}\n7\n{first}\n{rest}")
    assert "2 seals stand in the published file as they are here" in verify.verify(archive, published=str(published))


def test_another_signature_does_not_pass_for_the_installations(world, archive):
    """Whoever makes an archive with a key of their own is found by the public key got from elsewhere."""
    trusted = verify.public_key_of(unpack(archive)["public-key.pem"])
    stranger = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert "signed with the key" in verify.verify(archive, trusted)[-1]
    with pytest.raises(Invalid, match="another key"):
        verify.verify(archive, stranger)


def test_entries_that_are_not_as_sealed_are_not_handed_out(world, incident, owner_connection):
    speaker = Speaker(world, Role.OWNER)
    assert speaker.post(f"/v1/incidents/{incident.reference}/evidence").status_code == 200
    connection.close()
    with owner_connection.transaction():
        owner_connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        owner_connection.execute(
            'UPDATE audit_entry SET after = after || \'{"title": "Nothing happened"}\''
            " WHERE table_name = 'incidents_incident' AND operation = 'insert'"
        )
        owner_connection.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
    answer = speaker.post(f"/v1/incidents/{incident.reference}/evidence")
    assert answer.status_code == 409 and "verify the audit log" in answer.json()["detail"]


def test_taking_evidence_is_on_the_record_and_for_owners_and_auditors(world, incident, archive):
    name = world.user(Role.AUDITOR).name
    found = Speaker(world, Role.OWNER).get("/v1/audit", table="audit_access").json()["results"]
    assert f"{name} exported the evidence of {incident.reference}" in [each["message"] for each in found]
    assert Speaker(world, Role.ENGINEER).post(f"/v1/incidents/{incident.reference}/evidence").status_code == 403


def test_upper_layers_add_parts(world, incident, monkeypatch):
    monkeypatch.setattr(parts, "_parts", list(parts._parts))
    parts.evidence_part(order=1)(lambda one: [("report.pdf", one.reference.encode())])
    archive = Speaker(world, Role.OWNER).post(f"/v1/incidents/{incident.reference}/evidence").content
    assert unpack(archive)["report.pdf"] == incident.reference.encode()
    assert verify.verify(archive)


def test_the_verifier_knows_true_signatures(archive):
    """RFC 8032, section 7.1, test 2, and its neighbours."""
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert verify.ed25519_verifies(public, b"\x72", signature)
    assert not verify.ed25519_verifies(public, b"\x73", signature)
    assert not verify.ed25519_verifies(public, b"\x72", bytes([signature[0] ^ 1]) + signature[1:])


def test_the_verifier_ends_with_2_where_there_is_nothing_to_read(tmp_path: Path):
    assert verify.main([str(tmp_path / "missing.zip")]) == 2
