"""Finding logs: the language of the search field, the API's filters, pages, the histogram."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import QueryDict
from django.test import Client

from incident_center.kernel.api.problems import InvalidInput
from ingestion.log_filters import LogFilters, histogram_interval
from ingestion.log_ids import decode_log_id, encode_log_id
from ingestion.logstore import log_store
from ingestion.search_syntax import metadata_alternatives, parse_text
from ingestion.selectors import logs_by_ids
from organizations.access import Role
from tests.factories import PASSWORD
from tests.ingestion.conftest import Shop, make_shop
from tests.ingestion.helpers import body, everything, log, post

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def test_the_language_of_the_search_field():
    terms = parse_text('timeout "connection reset" -health -"load balancer" - "" a"b')
    assert terms.words == ("timeout", "connection reset", "-", 'a"b')
    assert terms.excluded == ("health", "load balancer")
    assert parse_text('"never closed').words == ("never closed",)
    with pytest.raises(ValueError, match="at most 20 words"):
        parse_text(" ".join(f"w{index}" for index in range(21)))


def test_metadata_filters_try_every_reading():
    assert metadata_alternatives("user", "7") == ({"user": "7"}, {"user": 7})
    assert metadata_alternatives("http.status", "ok") == ({"http.status": "ok"}, {"http": {"status": "ok"}})
    assert metadata_alternatives("flag", "true") == ({"flag": "true"}, {"flag": True})
    assert metadata_alternatives("big", "1e999") == ({"big": "1e999"},)
    assert metadata_alternatives("list", "[1]") == ({"list": "[1]"},)


def test_intervals():
    assert histogram_interval("", timedelta(hours=24)) == timedelta(minutes=30)
    assert histogram_interval("5m", timedelta(hours=24)) == timedelta(minutes=5)
    for text in ("0", "x", "-1", "1s", "99999999d"):
        with pytest.raises(InvalidInput):
            histogram_interval(text, timedelta(hours=24))


@pytest.mark.parametrize(
    "query",
    ["level=loud", "min_level=x", "from=yesterday", "from=2026-01-01T00:00:00", "to=9999-99-99T00:00:00Z",
     "q=" + "x" * 2_000,
     "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "metadata.=x", "service=" + "x" * 300, "q=%00"],
)  # fmt: skip
def test_filters_that_cannot_be_read(query: str):
    with pytest.raises(InvalidInput):
        LogFilters.read(QueryDict(query))


# ---- Through the API -------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(shop: Shop) -> Shop:
    """40 logs, one a minute from START on; every fourth an error; and one of another service."""
    logs = [
        log(
            at=START + timedelta(minutes=index),
            level="ERROR" if index % 4 == 0 else "INFO",
            message=f"Payment {index} {'declined by bank' if index % 10 == 0 else 'accepted'}",
            metadata={
                "trace_id": f"trace-{index % 5}",
                "user": index,
                "http": {"status": 500 if index % 4 == 0 else 200},
            },
        )
        for index in range(40)
    ]
    assert post(shop.key, body(logs)).json()["received"] == 40
    other = shop.world.service("billing", "staging")
    late = log(at=START + timedelta(minutes=50), message="Invoice sent", level="WARN")
    assert post(shop.world.key(other).key, late).json()["received"] == 1
    return shop


def person(shop: Shop, role: Role = Role.ENGINEER) -> Client:
    client = Client()
    answer = client.post(
        "/v1/auth/login", {"email": shop.world.user(role).email, "password": PASSWORD}, content_type="application/json"
    )
    return Client(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")


def get(shop: Shop, query: str = "", path: str = "/v1/logs") -> Any:
    answer = person(shop).get(f"{path}?{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 41),
        ("service=CHECKOUT", 40),
        ("service=unknown", 0),
        ("environment=staging", 1),
        ("level=error", 10),
        ("level=error&level=warn", 11),
        ("min_level=warning", 11),
        ("q=payment", 40),
        ("q=payment+-declined", 36),
        ("q=%22declined+by+bank%22", 4),
        ("q=bank+declined", 4),
        ("trace_id=trace-3", 8),
        ("metadata.user=7", 1),
        ("metadata.http.status=500&metadata.user=8", 1),
        ("metadata.http.status=500&metadata.user=9", 0),
    ],
)
def test_filters(filled: Shop, query: str, count: int):
    assert len(get(filled, query)["results"]) == count


def test_a_log_as_the_api_shows_it(filled: Shop):
    (found,) = get(filled, "metadata.user=7")["results"]
    assert found["service"] == "checkout"
    assert found["service_id"] == str(filled.service.public_id)
    assert (found["level"], found["message"], found["trace_id"]) == ("INFO", "Payment 7 accepted", "trace-2")
    assert found["metadata"]["http"] == {"status": 200}
    assert datetime.fromisoformat(found["timestamp"]) == START + timedelta(minutes=7)
    assert get(filled, f"service={filled.service.public_id}&metadata.user=7")["results"] == [found]


def test_the_time_range_includes_its_beginning_and_not_its_end(filled: Shop):
    since, until = ((START + timedelta(minutes=m)).strftime("%Y-%m-%dT%H:%M:%S%%2B00:00") for m in (5, 10))
    assert len(get(filled, f"from={since}&to={until}")["results"]) == 5


def test_pages_forward_and_back_show_every_log_once(filled: Shop):
    client = person(filled)
    pages, address = [], "/v1/logs?page_size=7&min_level=INFO"
    while address:
        page = client.get(address).json()
        pages.append(page)
        address = page["next"] and page["next"].replace(f"http://{urlsplit(page['next']).netloc}", "")
    seen = [entry["id"] for page in pages for entry in page["results"]]
    assert len(seen) == len(set(seen)) == 41
    times = [entry["timestamp"] for page in pages for entry in page["results"]]
    assert times == sorted(times, reverse=True)
    assert pages[0]["previous"] is None
    back, address = [], pages[-1]["previous"]
    while address:
        page = client.get(address).json()
        back = page["results"] + back
        address = page["previous"]
    assert [entry["id"] for entry in back] == seen[:35]


def test_pages_that_cannot_be(filled: Shop):
    client = person(filled)
    for query in ("page_size=1001", "page_size=0", "page_size=x", "cursor=older.x", "cursor=x"):
        assert client.get(f"/v1/logs?{query}").status_code == 400


def test_the_histogram_counts_what_the_list_lists(filled: Shop):
    buckets = get(filled, "interval=10m&level=ERROR", "/v1/logs/histogram")
    assert sum(bucket["count"] for bucket in buckets) == 10
    assert all(set(bucket["by_level"]) <= {"ERROR"} for bucket in buckets)
    assert len(buckets) == 24 * 6 + 1


def test_other_people_and_keys(filled: Shop):
    other = make_shop()
    assert get(other)["results"] == []
    assert person(filled, Role.REPORTER).get("/v1/logs").status_code == 403
    assert Client().get("/v1/logs").status_code == 401
    assert Client(HTTP_X_API_KEY=filled.key).get("/v1/logs").status_code == 403
    assert person(filled).post("/v1/ingest", "{}", content_type="application/json").status_code == 403


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/v1/logs/histogram?to=0001-01-01T00:00:00Z", 200),
        ("/v1/logs/histogram?from=0001-01-01T00:00:00%2B14:00&to=9999-12-31T23:59:59-14:00&interval=30d", 200),
        ("/v1/logs?to=0001-01-01T00:00:00Z", 200),
        (f"/v1/logs?page_size=0000001{'0' * 5_000}", 400),
        ("/v1/dead-letters?service=%00", 400),
        ("/v1/dead-letters?environment=a%00b", 400),
    ],
)
def test_the_ends_of_what_can_be_asked(filled: Shop, address: str, status: int):
    assert person(filled).get(address).status_code == status


# ---- Ids -------------------------------------------------------------------------------------------------------------


def test_ids_survive_the_round_trip_and_others_are_refused(filled: Shop):
    with filled.world.scope():
        (newest,) = log_store().search(everything(filled.service.pk), limit=1)
        assert logs_by_ids([decode_log_id(encode_log_id(newest))]) == [newest]
    for text in ("", "x", "ä" * 36, "A" * 36 + "=", encode_log_id(newest)[:-1]):
        with pytest.raises(ValueError, match="not the id"):
            decode_log_id(text)
