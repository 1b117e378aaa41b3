"""Every page, light and dark, wide and on the phone: accessible, inside its window, nothing refused by the policy."""

from __future__ import annotations

from typing import Any

import pytest

from incident_center.kernel.portal.context import LIVE_INCIDENTS_PATH
from organizations.access import Role, allows
from organizations.portal.base import PortalView
from tests.browser.conftest import Site
from tests.endpoints import MAKERS, all_endpoints

PAGES = [
    endpoint
    for endpoint in all_endpoints()
    if issubclass(endpoint.view, PortalView)
    and "GET" in endpoint.view.actions  # type: ignore[attr-defined]
    and allows(Role.OWNER, endpoint.view.actions["GET"])  # type: ignore[attr-defined]
]
#: Each window and each theme once: no colour depends on the width, and no width on the colours.
LOOKS = [("wide", "dark"), ("phone", "light")]
WINDOWS = {"wide": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def cookies(site: Site, chromium: Any) -> list[Any]:
    from tests.browser.conftest import sign_in

    context = chromium.new_context()
    sign_in(context.new_page(), site, site.world.owner.user.email)
    found = context.cookies()
    context.close()
    return found


@pytest.mark.parametrize(("window", "theme"), LOOKS)
@pytest.mark.parametrize("endpoint", PAGES, ids=str)
def test_page(endpoint: Any, window: str, theme: str, site: Site, chromium: Any, cookies: list[Any]):
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Error

    values = {keyword: MAKERS[keyword](site.world) for keyword in endpoint.keywords}
    context = chromium.new_context(viewport=WINDOWS[window], color_scheme=theme, reduced_motion="reduce")
    context.add_cookies(cookies)
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    try:
        response = page.goto(site.url + endpoint.url(values))
    except Error as error:
        assert "Download is starting" in str(error)
        context.close()
        return
    if "<html" not in response.text():  # JSON and fragments are parts of pages that are here themselves.
        context.close()
        return
    assert response.status == 200
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= WINDOWS[window]["width"], f"{width} px wide"
    live = page.evaluate("document.body.dataset.liveUrl")
    assert live in (None, LIVE_INCIDENTS_PATH), "the page would listen to something else than the incidents"
    found = Axe().run(page).response["violations"]
    grave = [
        f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found if one["impact"] in ("serious", "critical")
    ]
    context.close()
    assert grave == []
    assert refused == []
