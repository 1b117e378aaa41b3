"""What the intake accepts, in one place. ``docs/ingestion.md`` explains each figure to clients."""

from __future__ import annotations

from datetime import timedelta

KIB = 1024
MIB = 1024 * KIB

#: A request's body, after decompression. Larger ones are refused with 413.
BODY_BYTES = 10 * MIB
ENTRIES_PER_REQUEST = 10_000
#: Collectors send what they have gathered, without a limit on records unless told to have one; the bytes bound it.
OTLP_RECORDS_PER_REQUEST = 50_000
#: Of the attributes of resources and scopes, which are sent once and kept with each of their records.
OTLP_SHARED_BYTES = 64 * MIB

MESSAGE_BYTES = 64 * KIB
#: In canonical form: no spaces, sorted keys.
METADATA_BYTES = 32 * KIB
#: The metadata object itself is level 1.
METADATA_DEPTH = 20
#: A longer ``metadata.trace_id`` stays in the metadata, but is not indexed.
TRACE_ID_CHARACTERS = 128

#: How far ahead of the server's clock a timestamp may be: a whole day, because a client whose clock runs in
#: another time zone is a nuisance, while a lost log is a hole in the record.
FUTURE = timedelta(days=1)

#: How much of an unreadable body, or of one faulty entry, a dead letter keeps.
DEAD_LETTER_BYTES = 64 * KIB
#: Of the sentence that says what is wrong; it may quote the sender.
REASON_CHARACTERS = 500
#: How many faults an answer spells out; the others are counted, and listed among the dead letters.
ERRORS_PER_ANSWER = 100
