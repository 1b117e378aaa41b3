"""The log explorer: what is in its address is what it shows, keeps and hands out."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from audit import messages, selectors
from ingestion.log_export import formula_safe
from ingestion.models import SavedSearch
from organizations.access import Role
from tests.factories import make_world
from tests.ingestion.conftest import Shop
from tests.ingestion.helpers import body, log, post

NOW = datetime.now(UTC) - timedelta(seconds=5)


def signed_in(shop: Shop, role: Role = Role.ENGINEER) -> Client:
    client = Client()
    client.force_login(shop.world.user(role))
    return client


def page(client: Client, query: str = "") -> str:
    answer = client.get(f"/logs?{query}")
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


@pytest.fixture
def logs(shop: Shop) -> list[dict[str, Any]]:
    sent = [log(n, at=NOW - timedelta(seconds=n), level="ERROR" if n % 2 else "INFO") for n in range(100)]
    assert post(shop.key, body(sent)).json()["received"] == 100
    return sent


def test_a_value_narrows_the_search_and_a_chip_widens_it_again(shop: Shop, logs: list[Any]):
    client = signed_in(shop)
    narrow = page(client, "metadata.user=7&level=ERROR&cursor=")
    assert "attempt 7<" in narrow and "attempt 8<" not in narrow
    assert "?level=ERROR" in narrow, "the chip of the metadata leads back to the level alone"
    assert "?metadata.user=7" in narrow.replace("&amp;", "&")
    fields = client.get("/logs/fields?min_level=ERROR").content.decode()
    assert "metadata.http.status=500" in fields and "100 %" in fields and "level=ERROR" in fields


def test_the_lines_around_one_are_its_neighbours_of_the_same_service(shop: Shop, logs: list[Any]):
    client = signed_in(shop)
    token = _search(client, "attempt 50")["results"][0]["id"]
    around = page(client, f"around={token}&q=attempt")
    assert all(f"attempt {n}<" in around for n in (20, 49, 50, 51, 80))
    assert "attempt 81<" not in around and "log-row-centre" in around
    stranger = Client()
    stranger.force_login(make_world("Globex").owner.user)
    assert stranger.get(f"/logs?around={token}").status_code == 404
    assert client.get("/logs?around=nonsense").status_code == 400


def _search(client: Client, text: str) -> Any:
    return client.get("/v1/logs", {"q": f'"{text}"'}).json()


def download(client: Client, form: str, query: str) -> Any:
    return client.post("/logs/download", {"format": form, "query": query})


def test_a_download_holds_what_was_found_and_the_record_tells_of_it(shop: Shop, logs: list[Any]):
    post(shop.key, body([log(0, at=NOW, level="WARN", message='=HYPERLINK("http://evil.example")')]))
    client = signed_in(shop)
    lines = b"".join(download(client, "jsonl", "level=ERROR").streaming_content).splitlines()
    found = [json.loads(line) for line in lines]
    assert [each["message"] for each in found] == [each["message"] for each in logs if each["level"] == "ERROR"]
    table = b"".join(download(client, "csv", "level=WARN").streaming_content).decode()
    assert next(iter(csv.DictReader(io.StringIO(table))))["message"].startswith("'=HYPERLINK")
    assert download(client, "xls", "").status_code == 400
    with shop.world.scope():
        entry = selectors.entries(table="ingestion_logexport").first()
        told = messages.message(entry, selectors.names_for([entry]))
    assert told == f"{shop.world.user(Role.ENGINEER).name} downloaded logs as CSV (level WARN)"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "＝1"])
def test_what_a_spreadsheet_would_run_is_text(text: str):
    assert formula_safe(text) == f"'{text}"
    assert formula_safe("a=1") == "a=1"


def test_a_demoted_member_gets_no_further_piece(shop: Shop, logs: list[Any]):
    from organizations.actions.members import member_change

    client = signed_in(shop)
    pieces = iter(download(client, "csv", "").streaming_content)
    assert next(pieces).startswith(b"id,timestamp")
    membership = shop.world.members[Role.ENGINEER]
    with shop.world.scope():
        member_change(membership_id=membership.pk, actor=shop.world.actor, role=Role.REPORTER)
    with pytest.raises(PermissionError):
        next(pieces)


def test_searches_and_columns_are_kept(shop: Shop, logs: list[Any]):
    engineer, auditor = signed_in(shop), signed_in(shop, Role.AUDITOR)
    query = "min_level=ERROR&cursor=older.x&live=1"
    engineer.post("/logs/searches", {"name": "Errors", "query": query, "is_shared": "on"})
    auditor.post("/logs/searches", {"name": "Mine", "query": "q=x", "is_shared": "on"})
    with shop.world.scope():
        kept = {search.name: search for search in SavedSearch.objects.all()}
    assert kept["Errors"].query == "min_level=ERROR" and kept["Errors"].is_shared
    assert not kept["Mine"].is_shared, "who cannot repair logs cannot share either"
    assert "Errors" in page(auditor) and "Mine" not in page(engineer)
    auditor.post(f"/logs/searches/{kept['Errors'].pk}/delete")
    assert engineer.post(f"/logs/searches/{kept['Mine'].pk}/delete").status_code == 404
    assert "Errors" in page(auditor)
    engineer.post(f"/logs/searches/{kept['Errors'].pk}/delete")
    assert "Errors" not in page(auditor)[:20_000].split("Save this search")[0]

    engineer.post("/logs/columns", {"columns": "http.status, user"})
    assert "log-columns-2" in page(engineer) and "log-columns-2" not in page(auditor)


def test_a_chosen_span_replaces_a_brushed_range(shop: Shop, logs: list[Any]):
    client = signed_in(shop)
    early = f"from={NOW - timedelta(seconds=50):%Y-%m-%dT%H:%M:%SZ}&to={NOW - timedelta(seconds=40):%Y-%m-%dT%H:%M:%SZ}"
    assert "attempt 45<" in page(client, early) and "attempt 5<" not in page(client, early)
    assert "attempt 5<" in page(client, f"{early}&span=1h")


def test_a_search_is_saved_without_what_cannot_be_stored(shop: Shop):
    assert signed_in(shop).post("/logs/searches", {"name": "pay\0ments", "query": "q=x"}).status_code == 302
    with shop.world.scope():
        assert SavedSearch.objects.get().name == "payments"
