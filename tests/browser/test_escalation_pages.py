"""Making a policy on the phone, and escalating by it, in a real browser."""

from __future__ import annotations

from typing import Any

from incidents.lifecycle import Severity
from organizations.access import Role
from tests.browser.conftest import Site, sign_in
from tests.incidents.factories import open_incident

PHONE = {"width": 390, "height": 844}


def test_a_policy_from_nothing_on_the_phone_and_an_incident_by_it(page: Any, site: Site):
    world = site.world
    page.set_viewport_size(PHONE)
    sign_in(page, site, world.owner.user.email)
    page.goto(f"{site.url}/escalation/new")
    page.get_by_label("Name", exact=True).fill("Payments")
    page.get_by_label("Add to step 1").select_option(label=world.user(Role.TEAM_LEAD).name)
    page.locator("#step-0 .chip", has_text=world.user(Role.TEAM_LEAD).name).wait_for()
    page.get_by_role("button", name="Add a step").click()
    page.locator("#step-1").wait_for()
    # A person cannot be faster than the page; a script is, and its choice would be made on a form about to go.
    page.wait_for_load_state("networkidle")
    page.wait_for_function("!document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, .htmx-added')")
    page.get_by_label("Add to step 2").select_option(label=world.user(Role.ENGINEER).name)
    page.locator("#step-1 .chip").wait_for()
    page.locator("#step-1").get_by_label("then after").fill("10")
    page.locator("#step-1").get_by_role("button", name="Step earlier").click()
    page.locator("#step-0 .chip", has_text=world.user(Role.ENGINEER).name).wait_for()
    assert page.locator("#step-0 input[type=number]").input_value() == "10"
    page.locator("#step-0 input[type=number]").fill("0")
    page.get_by_label("For every service that names no other policy").check()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("button", name="Add the policy").click()
    page.get_by_text(f"{world.user(Role.ENGINEER).name} at once").wait_for()

    with world.scope():
        incident = open_incident(world, title="Payments answer 502", severity=Severity.CRITICAL)
    page.goto(f"{site.url}/incidents/{incident.reference}")
    card = page.locator("#incident-escalation")
    card.get_by_text(world.user(Role.TEAM_LEAD).name).first.wait_for()
    page.get_by_role("button", name="Escalate…").last.click()
    page.get_by_label("Why?").fill("It spreads to the shop.")
    page.locator("#escalate").get_by_role("button", name="Escalate", exact=True).click()
    page.get_by_text("It spreads to the shop.").wait_for()
