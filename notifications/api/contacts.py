"""One's own contacts, and the rules by which one is reached."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from incidents.api.serializers import StrictSerializer
from incidents.events import Urgency
from notifications import selectors
from notifications.actions.contacts import (
    account_contacts,
    contact_create,
    contact_remove,
    contact_send_code,
    contact_test,
    contact_verify,
)
from notifications.actions.notification_rules import QuietHoursWanted, StepWanted, notification_rules_set
from notifications.api.serializers import TestAnswerSerializer
from notifications.api.views import validated
from notifications.contacts.kinds import CONTACT_KIND_CHOICES, CONTACT_KINDS
from notifications.models import Contact
from organizations.access import Action
from organizations.api.base import OrganizationApiView
from organizations.members import Member


class Oldest(KeysetPagination):
    ordering = ("created_at", "id")


class ContactSerializer(serializers.ModelSerializer[Contact]):
    address = serializers.SerializerMethodField()
    is_verified = serializers.BooleanField(source="is_open")
    is_available = serializers.SerializerMethodField(help_text="Whether this installation can send there.")

    class Meta:
        model = Contact
        fields = ["id", "kind", "label", "address", "is_account", "is_verified", "is_available", "created_at"]

    def get_address(self, contact: Contact) -> str:
        kind = CONTACT_KINDS.get(contact.kind)
        return kind.shown_address(contact.destination) if kind else ""

    def get_is_available(self, contact: Contact) -> bool:
        kind = CONTACT_KINDS.get(contact.kind)
        return kind is not None and kind.is_available()


class ContactCreateSerializer(StrictSerializer):
    kind = serializers.ChoiceField(choices=CONTACT_KIND_CHOICES)
    address = serializers.CharField(max_length=2_000)
    label = serializers.CharField(max_length=100, required=False, allow_blank=True)  # type: ignore[assignment]


class ContactCodeSerializer(ContactSerializer):
    """A contact and what came of sending the code to it."""

    code = serializers.SerializerMethodField()

    class Meta(ContactSerializer.Meta):
        fields = [*ContactSerializer.Meta.fields, "code"]

    @extend_schema_field(TestAnswerSerializer)
    def get_code(self, contact: Contact) -> dict[str, Any]:
        return dict(TestAnswerSerializer(self.context["result"]).data)


class ContactVerifySerializer(StrictSerializer):
    code = serializers.CharField(max_length=20)


class StepSerializer(StrictSerializer):
    contact = serializers.UUIDField()
    after_minutes = serializers.IntegerField(min_value=0, max_value=24 * 60)


class QuietHoursSerializer(StrictSerializer):
    """Every day, on the clocks of the zone; only critical incidents disturb."""

    time_zone = serializers.CharField(max_length=64)
    until = serializers.TimeField()

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.TimeField(), **super().get_fields()}  # A word that Python keeps for itself.


class NotificationRulesSerializer(StrictSerializer):
    """Steps by urgency. Without rules the account's own address is told at once; an empty list means the inbox only."""

    high = StepSerializer(many=True)
    low = StepSerializer(many=True)
    quiet_hours = QuietHoursSerializer(allow_null=True, required=False, default=None)


class MyNotificationRulesSerializer(NotificationRulesSerializer):
    is_default = serializers.BooleanField(help_text="Whether you have set no rules of your own yet.")


def rules_document(member: Member) -> dict[str, Any]:
    rules = selectors.rules_of(member)
    if rules is None:
        first = account_contacts([member.user])[member.user.pk]
        at_once = [{"contact": str(first.pk), "after_minutes": 0}]
        return {"high": at_once, "low": at_once, "quiet_hours": None, "is_default": True}
    steps: dict[str, list[dict[str, Any]]] = {"high": [], "low": []}
    for step in selectors.steps_of(rules):
        steps[step.urgency].append({"contact": str(step.contact_id), "after_minutes": step.after_minutes})
    quiet = None
    if rules.quiet_from is not None and rules.quiet_until is not None:
        quiet = {"from": f"{rules.quiet_from:%H:%M}", "until": f"{rules.quiet_until:%H:%M}"}
        quiet["time_zone"] = rules.time_zone
    return {**steps, "quiet_hours": quiet, "is_default": False}


class MyContactListView(OrganizationApiView):
    """The ways to reach you. A new one is used once the code came back that is sent to it."""

    actions = {"GET": Action.OWN_ACCOUNT, "POST": Action.OWN_ACCOUNT}

    @extend_schema(responses=ContactSerializer(many=True), tags=["me"])
    def get(self, request: Request) -> Response:
        account_contacts([self.member.user])
        paginator = Oldest()
        page: Any = paginator.paginate_queryset(selectors.contacts_of(self.member), request, self)
        return paginator.get_paginated_response(ContactSerializer(page, many=True).data)

    @extend_schema(request=ContactCreateSerializer, responses={201: ContactCodeSerializer}, tags=["me"])
    def post(self, request: Request) -> Response:
        values = validated(ContactCreateSerializer, request.data)
        sent = contact_create(actor=self.member.actor, user=self.member.user, **values)
        return Response(ContactCodeSerializer(sent.contact, context={"result": sent.result}).data, status=201)


class MyContactView(OrganizationApiView):
    """Removes one of your contacts, from the rules too."""

    actions = {"DELETE": Action.OWN_ACCOUNT}

    @extend_schema(request=None, responses={204: None}, tags=["me"])
    def delete(self, request: Request, contact_id: UUID) -> Response:
        contact_remove(actor=self.member.actor, user=self.member.user, contact_id=contact_id)
        return Response(status=204)


class MyContactVerifyView(OrganizationApiView):
    """Takes the code that was sent to the contact."""

    actions = {"POST": Action.OWN_ACCOUNT}

    @extend_schema(request=ContactVerifySerializer, responses=ContactSerializer, tags=["me"])
    def post(self, request: Request, contact_id: UUID) -> Response:
        values = validated(ContactVerifySerializer, request.data)
        contact = contact_verify(
            actor=self.member.actor, user=self.member.user, contact_id=contact_id, code=values["code"]
        )
        return Response(ContactSerializer(contact).data)


class MyContactSendCodeView(OrganizationApiView):
    """Sends a new code; the one before is dead."""

    actions = {"POST": Action.OWN_ACCOUNT}

    @extend_schema(request=None, responses=ContactCodeSerializer, tags=["me"])
    def post(self, request: Request, contact_id: UUID) -> Response:
        sent = contact_send_code(actor=self.member.actor, user=self.member.user, contact_id=contact_id)
        return Response(ContactCodeSerializer(sent.contact, context={"result": sent.result}).data)


class MyContactTestView(OrganizationApiView):
    """Sends a test message now and tells what came of it."""

    actions = {"POST": Action.OWN_ACCOUNT}

    @extend_schema(request=None, responses=TestAnswerSerializer, tags=["me"])
    def post(self, request: Request, contact_id: UUID) -> Response:
        result = contact_test(actor=self.member.actor, user=self.member.user, contact_id=contact_id)
        return Response(TestAnswerSerializer(result).data)


class MyNotificationRulesView(OrganizationApiView):
    """By what you are reached, and when, by the urgency of what happens."""

    actions = {"GET": Action.OWN_ACCOUNT, "PUT": Action.OWN_ACCOUNT}

    @extend_schema(responses=MyNotificationRulesSerializer, tags=["me"])
    def get(self, request: Request) -> Response:
        return Response(rules_document(self.member))

    @extend_schema(request=NotificationRulesSerializer, responses=MyNotificationRulesSerializer, tags=["me"])
    def put(self, request: Request) -> Response:
        values = validated(NotificationRulesSerializer, request.data)
        quiet = values["quiet_hours"]
        notification_rules_set(
            actor=self.member.actor,
            user=self.member.user,
            steps={
                urgency: [StepWanted(step["contact"], step["after_minutes"]) for step in values[urgency]]
                for urgency in Urgency
            },
            quiet_hours=QuietHoursWanted(quiet["from"], quiet["until"], quiet["time_zone"]) if quiet else None,
        )
        return Response(rules_document(self.member))
