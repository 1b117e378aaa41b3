"""Dead letters: listed, repaired, replayed, deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from ingestion.models import DeadLetter, LogEntry
from organizations.access import Role
from tests.ingestion.conftest import Shop, make_shop
from tests.ingestion.helpers import body, log, post
from tests.ingestion.test_log_search import person


@pytest.fixture
def faulty(shop: Shop) -> Shop:
    post(shop.key, body([log(1), {**log(2), "level": "loud"}]))
    return shop


def listed(shop: Shop, query: str = "") -> list[dict[str, Any]]:
    return person(shop).get(f"/v1/dead-letters?{query}").json()["results"]


def replay(shop: Shop, letter_id: str, content: Any = None, role: Role = Role.ENGINEER) -> Any:
    data = "" if content is None else json.dumps(content)
    return person(shop, role).post(f"/v1/dead-letters/{letter_id}/replay", data, content_type="application/json")


def stored(shop: Shop) -> int:
    with shop.world.scope():
        return LogEntry.objects.count()


def test_a_letter_says_what_came_and_why_it_stayed(faulty: Shop):
    (letter,) = listed(faulty)
    assert letter["reason"] == "level: 'loud' is not one of DEBUG, INFO, WARN, ERROR, FATAL"
    assert (letter["service"], letter["kind"], letter["occurrences"], letter["complete"]) == (
        "checkout",
        "entry",
        1,
        True,
    )
    assert json.loads(letter["content"])["message"] == log(2)["message"]
    assert listed(faulty, "service=checkout") == [letter]
    assert listed(faulty, "service=other") == []


def test_a_corrected_letter_is_stored_once(faulty: Shop):
    (letter,) = listed(faulty)
    refused = replay(faulty, letter["id"])
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "logs[0]"
    corrected = {**json.loads(letter["content"]), "level": "ERROR"}
    assert replay(faulty, letter["id"], corrected).json() == {"received": 1, "duplicates_skipped": 0}
    assert stored(faulty) == 2
    assert listed(faulty) == []
    assert [done["id"] for done in listed(faulty, "replayed=true")] == [letter["id"]]
    assert replay(faulty, letter["id"], corrected).status_code == 409


def test_what_comes_again_after_its_replay_waits_again(faulty: Shop):
    (letter,) = listed(faulty)
    replay(faulty, letter["id"], {**json.loads(letter["content"]), "level": "ERROR"})
    post(faulty.key, json.loads(letter["content"]))
    (again,) = listed(faulty)
    assert (again["id"], again["occurrences"]) == (letter["id"], 2)


def test_a_body_that_was_only_sent_with_the_wrong_type_replays_as_it_is(shop: Shop):
    assert post(shop.key, body([log(1), log(2)]), content_type="text/plain").status_code == 415
    (letter,) = listed(shop)
    assert replay(shop, letter["id"]).json() == {"received": 2, "duplicates_skipped": 0}


def test_a_body_of_which_only_the_beginning_was_kept_needs_a_corrected_one(shop: Shop):
    assert post(shop.key, b"x" * 100_000).status_code == 400
    (letter,) = listed(shop)
    assert not letter["complete"]
    assert replay(shop, letter["id"]).status_code == 409
    assert replay(shop, letter["id"], log(1)).status_code == 200


def test_who_may(faulty: Shop):
    (letter,) = listed(faulty)
    other = make_shop()
    address = f"/v1/dead-letters/{letter['id']}"
    assert replay(faulty, letter["id"], log(1), Role.AUDITOR).status_code == 403
    assert replay(other, letter["id"], log(1)).status_code == 404
    assert person(other).get(address).status_code == 404
    assert person(other).delete(address).status_code == 404
    assert person(faulty, Role.AUDITOR).delete(address).status_code == 403
    assert person(faulty, Role.REPORTER).get(address).status_code == 403
    assert Client().get(address).status_code == 401
    assert person(faulty, Role.AUDITOR).get(address).status_code == 200
    assert person(faulty).delete(address).status_code == 204
    assert person(faulty).get(address).status_code == 404


def test_replay_and_deletion_are_in_the_audit_log_and_arrival_is_not(faulty: Shop, owner_connection: Any):
    def recorded() -> list[tuple[str, str]]:
        return owner_connection.execute(
            "SELECT operation, actor FROM audit_entry WHERE table_name = 'ingestion_deadletter' ORDER BY at"
        ).fetchall()

    (letter,) = listed(faulty)
    post(faulty.key, json.loads(letter["content"]))
    assert [again["occurrences"] for again in listed(faulty)] == [2]
    assert recorded() == []
    engineer = f"user:{faulty.world.user(Role.ENGINEER).pk}"
    replay(faulty, letter["id"], log(5))
    person(faulty).delete(f"/v1/dead-letters/{letter['id']}")
    assert recorded() == [("update", engineer), ("delete", engineer)]
    with faulty.world.scope():
        assert not DeadLetter.objects.exists()


def test_the_page_does_not_take_line_ends_for_a_correction(shop: Shop):
    assert post(shop.key, b'{"logs":\n' + b"x" * 100_000).status_code == 400
    (letter,) = listed(shop)
    client = Client()
    client.force_login(shop.world.user(Role.ENGINEER))
    written = letter["content"].replace("\n", "\r\n")  # As browsers send a text area.
    answer = client.post(f"/logs/dead-letters/{letter['id']}", {"corrected": written})
    assert answer.status_code == 400
    assert "Only the beginning of this body was kept" in answer.content.decode()
