"""Holds the calls of a library that uses ``requests`` to the egress guard.

Inside ``guarded()`` every connection that urllib3 makes on this thread resolves its name once, has each address
checked, and goes to exactly one of those: also after a redirect, and also where a proxy is configured.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from urllib3.util import connection

from notifications.channels.egress import EgressError, check_host

_thread = threading.local()
_connect = connection.create_connection


def _guarded_connect(address: tuple[str, int], *arguments: Any, **options: Any) -> Any:
    if not getattr(_thread, "is_guarded", False):
        return _connect(address, *arguments, **options)
    host, port = address
    try:
        addresses = check_host(host.strip("[]"), port)
    except EgressError as error:
        _thread.refusals.append(str(error))
        raise OSError(str(error)) from error
    return _connect((addresses[0], port), *arguments, **options)


connection.create_connection = _guarded_connect


@contextmanager
def guarded() -> Iterator[list[str]]:
    """Guards this thread's calls inside the block; yields the sentences of what was refused."""
    _thread.is_guarded, _thread.refusals = True, []
    try:
        yield _thread.refusals
    finally:
        _thread.is_guarded = False
