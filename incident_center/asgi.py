"""One port for everything: live connections go to Channels, logs and Alertmanager's notifications take thin routes,
all else goes to Django's WSGI application in threads.

A raw dispatcher instead of Django's ASGI handler, which costs ten times what the WSGI handler does.
"""

from __future__ import annotations

import gc
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "incident_center.settings")

from django.conf import settings
from django.core.cache import caches

from detection.api.alert_route import PATH as ALERT_PATH
from detection.api.alert_route import AlertRoute
from incident_center.kernel.wsgi_bridge import Message, Receive, Send, WsgiBridge
from incident_center.wsgi import application as wsgi_application
from ingestion.api.ingest_route import PATH as INGEST_PATH
from ingestion.api.ingest_route import IngestRoute
from notifications.live.routing import live_application

# Threads wait for the database and for the shared commit of the intake, so there are more of them than processors.
THREADS = 32


def _make_shared_objects() -> None:
    """Makes the cache and its connection pool once; all requests share them."""
    for alias in caches:
        caches[alias]


http_application = WsgiBridge(
    wsgi_application,
    threads=THREADS,
    longest_body=settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    prepare=_make_shared_objects,
)
ingest_route = IngestRoute(http_application)
alert_route = AlertRoute(http_application)


async def application(scope: Message, receive: Receive, send: Send) -> None:
    """The ASGI application that ``incident_center.serve`` runs."""
    if scope["type"] == "http" and scope["path"] == INGEST_PATH:
        await ingest_route(scope, receive, send)
    elif scope["type"] == "http" and scope["path"] == ALERT_PATH:
        await alert_route(scope, receive, send)
    elif scope["type"] == "http":
        await http_application(scope, receive, send)
    elif scope["type"] == "websocket":
        await live_application(scope, receive, send)
    else:
        await _live_and_die(receive, send)


async def _live_and_die(receive: Receive, send: Send) -> None:
    """The lifespan protocol: the server waits for requests to end by itself."""
    while True:
        event = str((await receive())["type"])
        if event == "lifespan.startup":
            _settle_interpreter()
        else:
            alert_route.close()
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


def _settle_interpreter() -> None:
    """Sets Python up for a process that only serves.

    What was imported stays for ever and is no longer searched for garbage: walking Django's objects took 50 ms now and
    then, and tripled the slowest answers. Threads give way after 1 ms instead of 5, so that the thread that commits
    gets its turn beside a busy event loop.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    sys.setswitchinterval(0.001)
