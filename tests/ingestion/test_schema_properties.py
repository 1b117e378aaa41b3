"""Schemathesis over the intake's and the logs' endpoints: generated requests, valid and not, against the API's own
description. No 500, and no answer that ``/v1/schema`` does not describe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from incident_center.wsgi import application
from organizations.access import Role
from organizations.tokens import issue_tokens
from tests.ingestion.conftest import Shop
from tests.ingestion.helpers import body, log, post

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
INTAKE = ("/v1/ingest", "/v1/otlp", "/v1/alerts", "/v2/enqueue")
LOGS = ("/v1/logs", "/v1/dead-letters", "/v1/log-patterns")
EXAMPLES = 12

bounded = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
)


@pytest.fixture
def operations(shop: Shop) -> Iterator[Callable[[tuple[str, ...]], list[Any]]]:
    """The API's operations below some addresses, of a database that holds a log and a dead letter."""
    assert post(shop.key, body([log(1), {"level": "loud"}])).json()["dead_lettered"] == 1
    schema = schemathesis.openapi.from_wsgi("/v1/schema?format=json", application)

    def below(prefixes: tuple[str, ...]) -> list[Any]:
        found = [result.ok() for result in schema.get_all_operations()]
        return [operation for operation in found if operation.path.startswith(prefixes)]

    yield below


def hold(operations: list[Any], headers: dict[str, str]) -> None:
    wrong: list[str] = []
    for operation in operations:

        @hypothesis.given(case=operation.as_strategy())
        @bounded
        def answers_as_described(case: Any) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)

        try:
            answers_as_described()
        except (FailureGroup, AssertionError) as error:
            wrong.append(f"{operation.label}: {error}")
    assert not wrong, "\n\n".join(wrong)


def test_the_intake_answers_as_its_schema_says(shop: Shop, operations: Callable[[tuple[str, ...]], list[Any]]):
    found = operations(INTAKE)
    assert len(found) >= 2
    hold(found, {"X-API-Key": shop.key})


def test_the_logs_answer_as_their_schema_says(shop: Shop, operations: Callable[[tuple[str, ...]], list[Any]]):
    found = operations(LOGS)
    assert len(found) >= 6
    hold(found, {"Authorization": f"Bearer {issue_tokens(shop.world.user(Role.OWNER)).access}"})
