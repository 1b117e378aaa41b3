"""Organizations, the people in them, their services, and the keys that services speak with."""

from __future__ import annotations

import zoneinfo
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.timezone import now
from django_tenants.models import DomainMixin, TenantMixin
from django_tenants.postgresql_backend.base import _check_schema_name

from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import RowLevelSecurity, SameOrganization
from incident_center.kernel.models import OrganizationOwned, OrganizationScoped, owned, reference, uuid7
from incident_center.kernel.secrets import EncryptedTextField
from organizations.access import ROLE_CHOICES, Role

RETENTION_CHOICES = [(days, f"{days} days") for days in (7, 30, 90, 400)]
POOLED_SCHEMA = "public"


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"{name!r} is not a time zone; write one such as Europe/Berlin or UTC.")


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person. Identity stands outside the wall: it is read before anyone knows which organization it belongs to."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField("e-mail address", max_length=254, unique=True)
    name = models.CharField(max_length=200)
    # An operator of the installation belongs to no organization.
    is_operator = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=now)

    # Set by the middleware at each request: whether the person is an owner at this moment.
    owns_organization = False

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        db_table = "organizations_user"
        constraints = [models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_lower_case")]
        triggers = [
            AuditTrail(organization=None, exclude=("last_login",), redact=("password",)),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    # Django's admin asks these; organizations/admin.py answers with roles.
    @property
    def is_staff(self) -> bool:
        return self.is_active and (self.is_operator or self.owns_organization)

    @property
    def is_superuser(self) -> bool:
        return False

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return False

    def has_perms(self, perm_list: Any, obj: object = None) -> bool:
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff

    def get_full_name(self) -> str:
        return self.name


class Organization(TenantMixin):
    """A tenant. All organizations share one schema; PostgreSQL's row-level security keeps them apart."""

    auto_create_schema = False
    auto_drop_schema = False

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80, unique=True)
    schema_name = models.CharField(  # django-tenants' own is unique; a pooled installation has one schema.
        max_length=63, default=POOLED_SCHEMA, editable=False, validators=[_check_schema_name]
    )
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    log_retention_days = models.PositiveSmallIntegerField(default=30, choices=RETENTION_CHOICES)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [
            RowLevelSecurity(name="organization_wall", field="id", privileges="SELECT, INSERT, UPDATE"),
        ]
        triggers = [AuditTrail(organization="id", key="public_id")]

    def __str__(self) -> str:
        return self.name

    def _check_schema_name_is_unique(self) -> None:
        """All organizations are in one schema; django-tenants would refuse the second."""

    def _drop_schema(self, force_drop: bool = False) -> None:
        """Deleting an organization must not drop the schema that all of them share."""


class Domain(DomainMixin):
    """A host name under which an organization shows a public page. Requests are never scoped by host name."""

    class Meta:
        constraints = [RowLevelSecurity(name="domain_wall", field="tenant")]
        triggers = [AuditTrail(organization="tenant")]


class Membership(OrganizationOwned):
    """A person's place in the one organization that they belong to."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="membership")
    role = models.CharField(max_length=20, choices=ROLE_CHOICES, default=Role.ENGINEER)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [
            *owned("membership", privileges="SELECT, INSERT, UPDATE"),
            models.CheckConstraint(condition=models.Q(role__in=[r.value for r in Role]), name="membership_role_known"),
        ]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return f"{self.user} ({Role(self.role).label})"


class JoinCode(OrganizationOwned):
    """The organization's way in for new members; one lives at a time."""

    code = EncryptedTextField()
    code_hash = models.BinaryField(max_length=32, unique=True)
    role = models.CharField(max_length=20, choices=ROLE_CHOICES, default=Role.ENGINEER)
    expires_at = models.DateTimeField()
    max_uses = models.PositiveIntegerField()
    uses = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *owned("join_code", privileges="SELECT, INSERT, UPDATE"),
            models.UniqueConstraint(
                fields=["organization"], condition=models.Q(revoked_at=None), name="join_code_one_alive"
            ),
            models.CheckConstraint(condition=~models.Q(role=Role.OWNER), name="join_code_never_owner"),
            models.CheckConstraint(condition=models.Q(uses__lte=models.F("max_uses")), name="join_code_uses_bounded"),
        ]
        triggers = [AuditTrail(redact=("code", "code_hash"))]


class PasswordLink(OrganizationOwned):
    """A one-time link to a new password, handed out by the owner where no e-mail leaves the installation."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    token_hash = models.BinaryField(max_length=32, unique=True)
    issued_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    issued_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [*owned("password_link", privileges="SELECT, INSERT, UPDATE")]
        triggers = [AuditTrail(redact=("token_hash",))]


class Team(OrganizationOwned):
    """People who look after services together."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [
            *owned("team"),
            models.UniqueConstraint(models.F("organization"), Lower("name"), name="team_name_once"),
        ]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return self.name


class TeamMember(OrganizationOwned):
    team = reference("organizations.Team", on_delete=models.CASCADE, related_name="team_members")
    membership = reference("organizations.Membership", on_delete=models.CASCADE)

    class Meta:
        constraints = [
            *owned("team_member"),
            SameOrganization(name="team_member_team", field="team"),
            SameOrganization(name="team_member_membership", field="membership"),
            models.UniqueConstraint(fields=["organization", "team", "membership"], name="team_member_once"),
        ]
        triggers = [AuditTrail()]


class Service(OrganizationScoped):
    """What sends logs and alerts: a name in an environment. Its integer key is in every log."""

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    name = models.CharField(max_length=200)
    environment = models.CharField(max_length=100, default="production")
    description = models.TextField(blank=True, default="")
    team = reference("organizations.Team", null=True, blank=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(default=now, editable=False)
    # A service with logs is never deleted, it is retired: its name is free again, its history stays.
    retired_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            *owned("service"),
            SameOrganization(name="service_team", field="team"),
            models.UniqueConstraint(
                models.F("organization"),
                Lower("name"),
                Lower("environment"),
                condition=models.Q(retired_at=None),
                name="service_name_once",
            ),
        ]
        triggers = [AuditTrail(key="public_id")]

    def __str__(self) -> str:
        return f"{self.name} ({self.environment})"


class ApiKey(OrganizationOwned):
    """A service's credential, or, without a service, a gateway's that speaks for many."""

    service = reference("organizations.Service", null=True, blank=True)
    name = models.CharField(max_length=200)
    prefix = models.CharField(max_length=16)
    # SHA-256 of a 256-bit secret: nothing to guess, so nothing that a slow hash would slow down.
    secret_hash = models.BinaryField(max_length=32, unique=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    rotated_from = reference("organizations.ApiKey", null=True, blank=True)

    class Meta:
        constraints = [
            *owned("api_key", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="api_key_service", field="service"),
            SameOrganization(name="api_key_rotated_from", field="rotated_from"),
        ]
        triggers = [AuditTrail(exclude=("last_used_at",), redact=("secret_hash",))]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_alive(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now())
