"""docker-compose.yml says the same as the supervisor; there is no container engine here to run it on."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from incident_center.environment import Environment
from incident_center.supervisor import programs
from incident_center.supervisor.state import CHECKOUT, StateFolder


@pytest.fixture
def services() -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
    return dict(described["services"])


def test_all_processes_are_there(services: dict[str, Any]) -> None:
    assert set(services) == {"postgres", "redis", "migrate", "web", "worker", "maintenance", "beat"}


def test_only_migrations_and_maintenance_are_given_the_owners_address(services: dict[str, Any]) -> None:
    owners = {name for name, service in services.items() if "OWNER_DATABASE_URL" in service.get("environment", {})}
    assert owners == {"migrate", "maintenance"}
    assert all(services[name]["environment"]["DATABASE_AS"] == "owner" for name in owners)


@pytest.mark.parametrize("name", ["worker", "maintenance"])
def test_workers_run_the_same_command(services: dict[str, Any], name: str, tmp_path: Any) -> None:
    child = getattr(programs, name)(StateFolder(tmp_path), {})
    assert services[name]["command"].split() == child.command[2:]


class Asked(dict[str, str]):
    """An environment that remembers what was looked up in it."""

    def __init__(self, **values: str) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


# Places inside the containers, which the file itself decides; and the aid of developers.
NOT_THE_OPERATORS = {
    *("STATE_DIR", "AUDIT_SEALS_FILE", "LOG_ARCHIVE_DIRECTORY", "DATABASE_AS", "RUNTIME_ROLE"),
    *("DATABASE_TRANSACTION_POOLER", "DEBUG"),
}


def test_an_operator_can_set_whatever_there_is_to_set(services: dict[str, Any]) -> None:
    asked = Asked(DATABASE_URL="postgresql://x@y/z", SECRET_KEY="x" * 32)
    Environment.read(asked)
    assert asked.names - NOT_THE_OPERATORS <= set(services["web"]["environment"])


def test_the_passwords_beside_the_file_are_not_in_the_image() -> None:
    assert {".env", ".state"} <= set((CHECKOUT / ".dockerignore").read_text().split())


def test_nothing_starts_before_the_migrations_are_done(services: dict[str, Any]) -> None:
    for name in ("web", "worker", "maintenance", "beat"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_database_and_broker_cannot_be_reached_from_outside(services: dict[str, Any]) -> None:
    for name in ("postgres", "redis"):
        assert services[name]["networks"] == ["backend"] and "ports" not in services[name]


def test_what_sends_messages_has_a_way_out(services: dict[str, Any]) -> None:
    for name in ("worker", "beat"):
        assert "frontend" in services[name]["networks"]
