"""The product's settings, with the naive way added beside it and no log line per request."""

from incident_center.settings import *  # noqa: F403
from incident_center.settings import INSTALLED_APPS, LOGGING

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.naive"]
SHARED_APPS = TENANT_APPS = INSTALLED_APPS
ROOT_URLCONF = "benchmarks.naive.urls"
LOGGING = {**LOGGING, "root": {**LOGGING["root"], "level": "ERROR"}}  # type: ignore[dict-item]
