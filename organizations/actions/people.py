from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.scope import Actor
from organizations.models import User


def user_create(*, email: str, password: str, name: str) -> User:
    """Creates a person who can sign in.

    Raises:
        InvalidInput: the address is taken or malformed, the name empty, or the password too weak.
    """
    email = email.strip().lower()
    name = name.strip()
    if not name:
        raise InvalidInput("name", "Write the name that others will see.")
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInput("email", "Write an e-mail address such as ada@example.com.") from error
    user = User(email=email, name=name)
    check_password_strength(password, user)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
            EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
    except IntegrityError as error:
        raise InvalidInput("email", "This e-mail address has an account already; sign in with it instead.") from error
    return user


def operator_create(*, email: str, password: str, name: str) -> User:
    """Creates an operator of the installation, who belongs to none. Raises InvalidInput as ``user_create``."""
    with transaction.atomic():
        operator = user_create(email=email, password=password, name=name)
        operator.is_operator = True
        operator.save(update_fields=["is_operator"])
    return operator


def check_password_strength(password: str, user: User) -> None:
    """Raises InvalidInput that says every reason why the password is too weak."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput("password", " ".join(error.messages)) from error


def person_rename(*, user: User, name: str, actor: Actor) -> User:
    """Changes the name that others see. Raises InvalidInput when it is empty."""
    user.name = name.strip()
    if not user.name:
        raise InvalidInput("name", "Write the name that others will see.")
    user.save(update_fields=["name"])
    return user
