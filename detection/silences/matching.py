"""Whether a silence fits an incident or an alert, with the reason in words. No Django in here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Facts:
    """What silences look at. ``alerts`` are the labels of each alert of an incident that fires; ``parts`` those alerts
    themselves, of a storm, which has no service of its own: where all of them fit, it does.
    """

    title: str
    severity: str
    service_id: UUID | None = None
    service_name: str = ""
    environment: str = ""
    labels: frozenset[str] = frozenset()
    dedup_key: str = ""
    alerts: tuple[Mapping[str, Any], ...] = ()
    parts: tuple[Facts, ...] = ()


@dataclass(frozen=True)
class Matchers:
    """What a silence asks for; all of it has to fit. What is empty asks for nothing."""

    services: tuple[UUID, ...] = ()
    environments: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    # Every alert that fires has to have them: one that has not is a reason to wake somebody.
    alert_labels: Mapping[str, str] = field(default_factory=dict)
    # Words that are all in the title.
    title: str = ""
    # The whole key, or its beginning and *.
    dedup_key: str = ""

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Matchers:
        """Of the stored form; what it lacks is empty."""
        return cls(
            services=tuple(UUID(str(each)) for each in data.get("services", ())),
            environments=tuple(data.get("environments", ())),
            severities=tuple(data.get("severities", ())),
            labels=tuple(data.get("labels", ())),
            alert_labels=dict(data.get("alert_labels", {})),
            title=data.get("title", ""),
            dedup_key=data.get("dedup_key", ""),
        )

    def as_data(self) -> dict[str, Any]:
        return {
            "services": [str(each) for each in self.services],
            "environments": list(self.environments),
            "severities": list(self.severities),
            "labels": list(self.labels),
            "alert_labels": dict(self.alert_labels),
            "title": self.title,
            "dedup_key": self.dedup_key,
        }

    @property
    def is_empty(self) -> bool:
        return self == Matchers()

    def mismatch(self, facts: Facts) -> str:
        """The first thing that does not fit, in words; empty where everything does."""
        if facts.parts and not any(map(self.mismatch, facts.parts)):
            return ""
        if self.services and facts.service_id not in self.services:
            return f"the service {facts.service_name} is not among its services" if facts.service_id else "no service"
        if self.environments and facts.environment.lower() not in {each.lower() for each in self.environments}:
            return f"environment {facts.environment or 'none'} is not {_either(self.environments)}"
        if self.severities and facts.severity not in self.severities:
            return f"severity {facts.severity} is not {_either(self.severities)}"
        missing = [label for label in self.labels if label not in facts.labels]
        if missing:
            return f"it lacks the label {missing[0]}"
        absent = [word for word in self.title.lower().split() if word not in facts.title.lower()]
        if absent:
            return f"the title lacks “{absent[0]}”"
        if self.dedup_key and not _fits_key(self.dedup_key, facts.dedup_key):
            return f"its key is not {self.dedup_key}"
        return self._alert_mismatch(facts)

    def _alert_mismatch(self, facts: Facts) -> str:
        if not self.alert_labels:
            return ""
        wanted = ", ".join(f"{name}={value}" for name, value in self.alert_labels.items())
        if not facts.alerts:
            return f"no alert with {wanted} fires"
        if all(self._has_labels(labels) for labels in facts.alerts):
            return ""
        return f"an alert fires that is not {wanted}"

    def _has_labels(self, labels: Mapping[str, Any]) -> bool:
        return all(str(labels.get(name)) == value for name, value in self.alert_labels.items())

    def in_words(self, service_names: Mapping[UUID, str]) -> list[str]:
        """What it asks for, each a few words."""
        found = [service_names.get(each, "a service that is gone") for each in self.services]
        found += [*self.environments, *self.severities, *(f"label {label}" for label in self.labels)]
        found += [f"{name}={value}" for name, value in self.alert_labels.items()]
        found += [f"“{self.title}” in the title"] if self.title else []
        return found + ([f"key {self.dedup_key}"] if self.dedup_key else [])


def _fits_key(wanted: str, key: str) -> bool:
    return key.startswith(wanted[:-1]) if wanted.endswith("*") else key == wanted


def _either(values: Iterable[str]) -> str:
    return " or ".join(sorted(values))
