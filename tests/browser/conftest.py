"""The portal in a real browser: Chromium, against a real web process, on a database of the session's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import database_in_use
from tests.factories import PASSWORD, World, make_world
from tests.servers import ROOT

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
# Playwright's synchronous interface keeps an event loop in this thread, which Django would refuse to share.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM:
                item.add_marker(pytest.mark.skip(reason="NOT RUN: no Chromium on this machine"))


@dataclass
class Site:
    """A running portal with one organization in it."""

    url: str
    world: World


@pytest.fixture(scope="package")
def site(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"test_browser_{os.getpid()}"
    state = tmp_path_factory.mktemp("portal")
    with django_db_blocker.unblock(), database_in_use(name):
        from django.contrib.auth.hashers import make_password

        world = make_world("Acme Robotics")
        for membership in world.members.values():  # The web process knows the product's own hashers only.
            membership.user.password = make_password(PASSWORD, hasher="scrypt")
            membership.user.save(update_fields=["password"])
        environment = {**os.environ, "STATE_DIR": str(state)}
        port = _free_port()
        environment["BASE_URL"] = f"http://localhost:{port}"
        collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
        subprocess.run(collect, cwd=ROOT, env=environment, check=True)
        serve = [sys.executable, "-m", "incident_center.serve", "--host", "127.0.0.1", "--port", str(port)]
        with subprocess.Popen(serve, cwd=ROOT, env=environment) as process:
            try:
                _wait(f"http://localhost:{port}/healthz", process)
                yield Site(url=f"http://localhost:{port}", world=world)
            finally:
                process.terminate()
                process.wait(15)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "the web process ended"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(url)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page of a wide, light window that fails the test on any error in its console."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    errors: list[str] = []
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    ours = [error for error in errors if "status of 4" not in error]
    assert ours == [], "errors in the browser's console"


def sign_in(page: Any, site: Site, email: str) -> None:
    """Through the sign-in page, as a person does."""
    page.goto(f"{site.url}/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/accounts/login" not in url)
