"""The shapes of API.md for people, organizations, services and keys."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from organizations import service_extensions
from organizations.access import ROLE_CHOICES, Role
from organizations.actions.join_codes import DEFAULT_HOURS, DEFAULT_USES, MOST_HOURS, MOST_USES
from organizations.actions.keys import MOST_OVERLAP_HOURS
from organizations.members import Member
from organizations.models import ApiKey, JoinCode, Membership, Organization, Service, Team


class OrganizationReferenceSerializer(serializers.ModelSerializer[Organization]):
    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = Organization
        fields = ["id", "name", "slug"]


class MemberSelfSerializer(serializers.Serializer[Member]):
    """The ``user`` object: the person with their role and organization."""

    id = serializers.UUIDField(source="user.pk")
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")
    role = serializers.ChoiceField(choices=ROLE_CHOICES)
    organization = OrganizationReferenceSerializer()


class RegisterSerializer(serializers.Serializer[Any]):
    """Either ``organization_name`` (the person becomes its owner) or ``join_code``."""

    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=256, trim_whitespace=False, style={"input_type": "password"})
    name = serializers.CharField(max_length=200)
    organization_name = serializers.CharField(max_length=200, required=False)
    timezone = serializers.CharField(max_length=64, required=False, default="UTC")
    join_code = serializers.CharField(max_length=64, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("organization_name" in attrs) == ("join_code" in attrs):
            raise serializers.ValidationError(
                {"organization_name": "Send either organization_name, to found one, or join_code, to join one."}
            )
        return attrs


class LoginSerializer(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=256, trim_whitespace=False, style={"input_type": "password"})
    otp = serializers.CharField(max_length=32, required=False, help_text="The second factor, where there is one.")


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=4096)


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


class SignedInSerializer(TokenPairSerializer):
    user = MemberSelfSerializer()


class OrganizationSerializer(serializers.ModelSerializer[Organization]):
    id = serializers.UUIDField(source="public_id", read_only=True)

    class Meta:
        model = Organization
        fields = ["id", "name", "slug", "timezone", "log_retention_days", "created_at"]
        read_only_fields = ["slug", "created_at"]


class MemberSerializer(serializers.ModelSerializer[Membership]):
    user_id = serializers.UUIDField(source="user.pk", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    name = serializers.CharField(source="user.name", read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "user_id", "email", "name", "role", "is_active", "joined_at"]
        read_only_fields = ["joined_at"]


class MemberChangeSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=ROLE_CHOICES, required=False)
    is_active = serializers.BooleanField(required=False)


class PasswordLinkSerializer(serializers.Serializer[Any]):
    url = serializers.URLField(help_text="Shown this once.")
    expires_at = serializers.DateTimeField()


class JoinCodeSerializer(serializers.ModelSerializer[JoinCode]):
    class Meta:
        model = JoinCode
        fields = ["code", "role", "expires_at", "max_uses", "uses"]


class JoinCodeRotateSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(
        choices=[choice for choice in ROLE_CHOICES if choice[0] != Role.OWNER], default=Role.ENGINEER.value
    )
    expires_in_hours = serializers.IntegerField(min_value=1, max_value=MOST_HOURS, default=DEFAULT_HOURS)
    max_uses = serializers.IntegerField(min_value=1, max_value=MOST_USES, default=DEFAULT_USES)


class ServiceListSerializer(serializers.ListSerializer[Service]):
    """Reads the extensions of a whole page of services at once."""

    def to_representation(self, data: Any) -> list[Any]:
        return super().to_representation(service_extensions.attach(data))


class ServiceSerializer(serializers.ModelSerializer[Service]):
    """A service, with the settings that upper apps registered (``organizations.service_extensions``)."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    team = serializers.UUIDField(source="team_id", required=False, allow_null=True)

    class Meta:
        model = Service
        fields = ["id", "name", "environment", "description", "team", "created_at"]
        read_only_fields = ["created_at"]
        extra_kwargs = {"environment": {"required": False}, "description": {"required": False}}
        list_serializer_class = ServiceListSerializer

    def get_fields(self) -> dict[str, Any]:
        return super().get_fields() | {
            field.name: field.serializer_field() for field in service_extensions.registered()
        }

    def to_representation(self, instance: Service) -> dict[str, Any]:
        if not isinstance(self.parent, ServiceListSerializer):
            service_extensions.attach([instance])
        return super().to_representation(instance)


class KeySerializer(serializers.ModelSerializer[ApiKey]):
    service = serializers.UUIDField(source="service.public_id", read_only=True, allow_null=True, default=None)
    created_by = serializers.UUIDField(source="created_by_id", read_only=True)

    class Meta:
        model = ApiKey
        fields = [
            "id", "name", "prefix", "service", "created_by", "created_at", "expires_at", "revoked_at", "last_used_at",
        ]  # fmt: skip


class KeyCreateSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class KeyRotateSerializer(serializers.Serializer[Any]):
    overlap_hours = serializers.IntegerField(min_value=0, max_value=MOST_OVERLAP_HOURS, default=24)


class IssuedKeySerializer(serializers.Serializer[Any]):
    """The only answer that ever holds the whole key."""

    id = serializers.UUIDField(source="row.pk")
    name = serializers.CharField(source="row.name")
    prefix = serializers.CharField(source="row.prefix")
    key = serializers.CharField()
    expires_at = serializers.DateTimeField(source="row.expires_at", allow_null=True)


class TeamSerializer(serializers.ModelSerializer[Team]):
    members = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=500)

    class Meta:
        model = Team
        fields = ["id", "name", "description", "members", "created_at"]
        read_only_fields = ["created_at"]

    def to_representation(self, instance: Team) -> dict[str, Any]:
        members = [str(member.membership_id) for member in instance.team_members.all()]
        return {
            "id": str(instance.pk),
            "name": instance.name,
            "description": instance.description,
            "members": members,
            "created_at": instance.created_at,
        }
