from __future__ import annotations

import secrets

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.text import slugify

from incident_center.kernel.api.problems import Forbidden, InvalidInput
from incident_center.kernel.scope import Actor, organization_scope
from organizations.access import Role
from organizations.actions.people import user_create
from organizations.events import OrganizationFounded, organization_founded
from organizations.models import Membership, Organization, User, validate_time_zone


def organization_found(
    *,
    email: str,
    password: str,
    name: str,
    organization_name: str,
    time_zone: str = "UTC",
    by_operator: bool = False,
) -> Membership:
    """Creates an organization together with its first owner.

    Raises:
        Forbidden: the installation does not let strangers found organizations.
        InvalidInput: the e-mail address is taken, the password too weak, or the name empty.
    """
    if not settings.ALLOW_SIGNUP and not by_operator:
        raise Forbidden("This installation takes no new organizations; ask its operator, or join one with a code.")
    organization_name = organization_name.strip()
    if not organization_name:
        raise InvalidInput("organization_name", "Give the organization a name.")
    try:
        validate_time_zone(time_zone)
    except ValidationError as error:
        raise InvalidInput("timezone", error.messages[0]) from error
    with transaction.atomic():
        # The id comes first, so that the row is written from inside its own scope: no hole in the wall is needed.
        organization_id = _next_organization_id()
        user = _user_in_scope(organization_id, email=email, password=password, name=name)
        actor = Actor.user(user.pk)
        with organization_scope(organization_id, actor=actor):
            organization = Organization.objects.create(
                pk=organization_id, name=organization_name, slug=_free_slug(organization_name), timezone=time_zone
            )
            membership = Membership.objects.create(organization=organization, user=user, role=Role.OWNER)
            organization_founded.emit(OrganizationFounded(organization=organization, actor=actor))
    return membership


def _user_in_scope(organization_id: int, *, email: str, password: str, name: str) -> User:
    with organization_scope(organization_id, actor=Actor.system("sign-up")):
        return user_create(email=email, password=password, name=name)


def _next_organization_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('organizations_organization', 'id'))")
        return int(cursor.fetchone()[0])


def _free_slug(name: str) -> str:
    base = slugify(name)[:60] or "organization"
    with connection.cursor() as cursor:
        cursor.execute("SELECT slug_is_taken(%s)", [base])
        taken = cursor.fetchone()[0]
    return f"{base}-{secrets.token_hex(4)}" if taken else base
