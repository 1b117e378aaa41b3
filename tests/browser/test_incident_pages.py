"""Working on an incident in a real browser: by mouse, by keyboard, under the strict policy."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.lifecycle import Severity
from tests.browser.conftest import Site, sign_in
from tests.incidents.factories import open_incident


@pytest.fixture
def incident(site: Site) -> Any:
    with site.world.scope():
        return open_incident(site.world, title="Payments answer 502", severity=Severity.CRITICAL)


def test_from_the_first_look_to_reopening(page: Any, site: Site, incident: Any):
    sign_in(page, site, site.world.owner.user.email)
    page.goto(f"{site.url}/incidents/{incident.reference}")
    page.keyboard.press("a")
    page.get_by_role("button", name="Mark mitigated").wait_for()

    note = page.get_by_label("Note")
    note.fill("Rolled back to **2026.11.3**.")
    page.reload()
    assert note.input_value() == "Rolled back to **2026.11.3**.", "the draft came back"
    note.press("Control+Enter")
    page.locator(".note strong", has_text="2026.11.3").wait_for()
    assert note.input_value() == "", "the server has it, so the draft is gone"

    page.get_by_role("button", name="Resolve").click()
    page.get_by_role("button", name="Reopen…").click()
    page.get_by_label("Why?").fill("It is back.")
    page.get_by_role("button", name="Reopen", exact=True).click()
    page.get_by_text("It is back.").wait_for()
    page.get_by_role("button", name="Acknowledge").wait_for()


def test_the_list_by_keyboard(page: Any, site: Site, incident: Any):
    sign_in(page, site, site.world.owner.user.email)
    page.goto(f"{site.url}/incidents?q={incident.reference}")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.get_by_role("button", name="Assign to me").click()
    page.get_by_text(f"{incident.reference} taken.").wait_for()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/incidents/{incident.reference}")
