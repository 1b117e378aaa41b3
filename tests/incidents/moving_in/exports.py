"""Exports as the three systems write them, for the same team: Ada, Bob and, already here, the owner."""

from __future__ import annotations

from typing import Any


def pagerduty(owner_email: str) -> dict[str, Any]:
    def user(key: str) -> dict[str, Any]:
        return {"user": {"id": key, "type": "user_reference", "summary": key}}

    return {
        "users": [
            {"id": "PADA", "name": "Ada", "email": "ada@example.com", "role": "user", "time_zone": "Europe/Berlin"},
            {"id": "PBOB", "name": "Bob", "email": "bob@example.com", "role": "user", "time_zone": "Europe/Berlin"},
            {"id": "POWN", "name": "The owner", "email": owner_email, "role": "owner", "time_zone": "Europe/Berlin"},
        ],
        "schedules": [
            {
                "id": "PSCHED",
                "name": "Payments",
                "time_zone": "Europe/Berlin",
                "description": "Cards and transfers",
                "schedule_layers": [  # As the API answers: the one with priority first.
                    {
                        "id": "PL2",
                        "name": "Weekend",
                        "start": "2026-01-05T09:00:00+01:00",
                        "end": None,
                        "rotation_virtual_start": "2026-01-05T09:00:00+01:00",
                        "rotation_turn_length_seconds": 604800,
                        "users": [user("POWN")],
                        "restrictions": [
                            {
                                "type": "weekly_restriction",
                                "start_time_of_day": "18:00:00",
                                "start_day_of_week": 5,
                                "duration_seconds": 223200,
                            }
                        ],
                    },
                    {
                        "id": "PL1",
                        "name": "Week",
                        "start": "2026-01-14T12:00:00+01:00",
                        "end": None,
                        "rotation_virtual_start": "2026-01-05T09:00:00+01:00",
                        "rotation_turn_length_seconds": 604800,
                        "users": [user("PADA"), user("PBOB"), user("PGONE")],
                        "restrictions": [],
                    },
                    {
                        "id": "PL0",
                        "name": "Old",
                        "start": "2020-01-05T09:00:00+01:00",
                        "end": "2021-01-05T09:00:00+01:00",
                        "rotation_turn_length_seconds": 86400,
                        "users": [user("PADA")],
                    },
                ],
                "overrides_subschedule": {
                    "rendered_schedule_entries": [
                        {"start": "2030-06-03T08:00:00Z", "end": "2030-06-03T16:00:00Z", "user": {"id": "PBOB"}}
                    ]
                },
            }
        ],
        "escalation_policies": [
            {
                "id": "PPOL",
                "name": "Payments policy",
                "num_loops": 2,
                "escalation_rules": [
                    {
                        "escalation_delay_in_minutes": 10,
                        "targets": [{"id": "PSCHED", "type": "schedule_reference"}],
                    },
                    {
                        "escalation_delay_in_minutes": 20,
                        "targets": [
                            {"id": "PADA", "type": "user_reference"},
                            {"id": "PGONE", "type": "user_reference"},
                        ],
                    },
                ],
            }
        ],
    }


def opsgenie(owner_email: str) -> dict[str, Any]:
    return {
        "users": {
            "data": [
                {"id": "u1", "username": "ada@example.com", "fullName": "Ada", "role": {"name": "User"}},
                {"id": "u2", "username": "bob@example.com", "fullName": "Bob", "role": {"name": "User"}},
                {"id": "u3", "username": owner_email, "fullName": "The owner", "role": {"name": "Owner"}},
            ]
        },
        "schedules": [
            {
                "id": "s1",
                "name": "Payments",
                "timezone": "Europe/Berlin",
                "enabled": True,
                "rotations": [
                    {
                        "name": "Nights",
                        "startDate": "2026-01-05T08:00:00Z",
                        "type": "daily",
                        "length": 1,
                        "participants": [
                            {"type": "user", "username": "ada@example.com"},
                            {"type": "user", "id": "u2", "username": "bob@example.com"},
                            {"type": "escalation", "id": "e9"},
                        ],
                        "timeRestriction": {
                            "type": "time-of-day",
                            "restriction": {"startHour": 20, "startMin": 0, "endHour": 8, "endMin": 0},
                        },
                    },
                    {
                        "name": "Rest",
                        "startDate": "2026-01-05T08:00:00Z",
                        "type": "weekly",
                        "length": 2,
                        "participants": [{"type": "user", "username": owner_email}],
                    },
                ],
            },
            {"id": "s2", "name": "Asleep", "timezone": "UTC", "enabled": False, "rotations": []},
        ],
        "escalations": [
            {
                "id": "e1",
                "name": "Payments policy",
                "rules": [
                    {
                        "condition": "if-not-acked",
                        "notifyType": "default",
                        "delay": {"timeAmount": 0, "timeUnit": "minutes"},
                        "recipient": {"type": "schedule", "id": "s1", "name": "Payments"},
                    },
                    {
                        "condition": "if-not-closed",
                        "notifyType": "all",
                        "delay": {"timeAmount": 1, "timeUnit": "hours"},
                        "recipient": {"type": "user", "username": "ada@example.com"},
                    },
                ],
                "repeat": {"waitInterval": 15, "count": 3},
            }
        ],
    }


def grafana(owner_email: str) -> dict[str, Any]:
    return {
        "users": {
            "results": [
                {"id": "U1", "email": "ada@example.com", "username": "ada", "name": "Ada"},
                {"id": "U2", "email": "bob@example.com", "username": "bob", "name": "Bob"},
                {"id": "U3", "email": owner_email, "username": "owner", "name": "The owner"},
            ]
        },
        "schedules": {
            "results": [
                {"id": "S1", "name": "Payments", "type": "web", "time_zone": "Europe/Berlin", "shifts": ["A", "B", "C"]}
            ]
        },
        "on_call_shifts": {
            "results": [
                {
                    "id": "A",
                    "name": "Always",
                    "type": "rolling_users",
                    "level": 0,
                    "start": "2026-01-05T09:00:00",
                    "duration": 604800,
                    "frequency": "weekly",
                    "interval": 1,
                    "rolling_users": [["U1"], ["U2", "U3"]],
                    "start_rotation_from_user_index": 1,
                },
                {
                    "id": "B",
                    "name": "Working days",
                    "type": "rolling_users",
                    "level": 1,
                    "start": "2026-01-07T09:00:00",
                    "duration": 28800,
                    "frequency": "weekly",
                    "by_day": ["MO", "TU", "WE", "TH", "FR"],
                    "week_start": "MO",
                    "rolling_users": [["U3"], ["U1"]],
                },
                {
                    "id": "C",
                    "name": "Holiday",
                    "type": "single_event",
                    "start": "2030-12-25T00:00:00",
                    "duration": 86400,
                    "users": ["U2"],
                },
            ]
        },
        "escalation_chains": {"results": [{"id": "F1", "name": "Payments policy"}]},
        "escalation_policies": {
            "results": [
                {
                    "id": "E3",
                    "escalation_chain_id": "F1",
                    "position": 2,
                    "type": "notify_persons",
                    "persons_to_notify": ["U1"],
                },
                {"id": "E2", "escalation_chain_id": "F1", "position": 1, "type": "wait", "duration": 900},
                {
                    "id": "E1",
                    "escalation_chain_id": "F1",
                    "position": 0,
                    "type": "notify_on_call_from_schedule",
                    "notify_on_call_from_schedule": "S1",
                },
                {"id": "E4", "escalation_chain_id": "F1", "position": 3, "type": "trigger_webhook"},
                {"id": "E5", "escalation_chain_id": "F1", "position": 4, "type": "repeat_escalation"},
            ]
        },
    }
