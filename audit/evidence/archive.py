"""An archive that can be handed out: what is in it, a manifest with its digests, a signature, and the verifier."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from django.utils import timezone

from audit.actions.signing_key import sign
from audit.evidence.proofs import File
from audit.evidence.verify import MANIFEST, PUBLIC_KEY, SIGNATURE, pack

FORMAT = "incident-center/evidence/1"
VERIFIER = "verify.py"
README = "README.txt"
INSTRUCTIONS = """\
{subject}

Made by {made_by} on {made_at}.

To verify this archive, with Python 3.8 or newer and nothing else:

    python3 verify.py THIS_ARCHIVE.zip --key PUBLIC_KEY.pem

Take verify.py and the public key from where you trust them, not from a stranger's archive: the key is at
{base_url}/v1/evidence/public-key. With --seals FILE, a copy of the file in which the installation
publishes its seals, it also finds out whether the whole audit log was rewritten before this archive was made.

manifest.json       every file with its SHA-256
manifest.sig        the signature over manifest.json (Ed25519, 64 bytes)
audit/entries.jsonl what the audit log has about it: the bytes that were sealed, one entry each line
audit/proofs.json   for each entry its path to the root of its seal, for each seal its path to the newest
"""


def signed_archive(*, subject: str, made_by: str, base_url: str, files: list[File], facts: dict[str, Any]) -> bytes:
    """The ZIP file. ``facts`` go into the manifest beside the digests.

    Raises:
        Unavailable: the installation has no key, or cannot open it.
    """
    made_at = f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"
    words = INSTRUCTIONS.format(subject=subject, made_by=made_by, made_at=made_at, base_url=base_url)
    _, public = sign(b"")
    files = [
        (README, words.encode()),
        *files,
        (VERIFIER, Path(__file__).with_name(VERIFIER).read_bytes()),
        (PUBLIC_KEY, public.encode()),
    ]
    manifest = {
        "format": FORMAT,
        "subject": subject,
        "made_at": made_at,
        "made_by": made_by,
        **facts,
        "files": [
            {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for path, data in files
        ],
    }
    document = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
    signature, _ = sign(document)
    return pack([(MANIFEST, document), (SIGNATURE, signature), *files])
