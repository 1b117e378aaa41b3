"""Getting in and staying out: sign-up, joining, one-time links, the second factor, throttles, dead sessions."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client

from organizations.access import Role
from organizations.actions.join_codes import join_code_rotate
from organizations.actions.members import member_change, password_link_issue
from organizations.models import Membership, Organization, User
from tests.factories import PASSWORD, World, make_world

pytestmark = pytest.mark.django_db
LOGIN = "/v1/auth/login"


def api_login(email: str, password: str = PASSWORD, **more: str):
    body = {"email": email, "password": password, **more}
    return Client().post(LOGIN, body, content_type="application/json")


def code_of(world: World, **options: object) -> str:
    with world.scope():
        return join_code_rotate(actor=world.actor, user_id=world.owner.user_id, **options).code  # type: ignore[arg-type]


def joining(code: str, email: str = "new@example.com") -> dict[str, str]:
    return {"code": code, "name": "Nora New", "email": email, "password": PASSWORD}


def test_founding_signs_in_as_owner():
    client = Client()
    form = {"organization_name": "Acme", "name": "Ada", "email": "ada@example.com", "password": PASSWORD}
    assert client.post("/accounts/signup/", form).status_code == 302
    assert client.get("/settings/organization").status_code == 200
    again = Client().post("/accounts/signup/", form)
    assert again.status_code == 400
    assert "has an account already" in again.content.decode()


def test_strangers_found_nothing_where_the_operator_says_so(settings):
    settings.ALLOW_SIGNUP = False
    form = {"organization_name": "Acme", "name": "Ada", "email": "ada@example.com", "password": PASSWORD}
    assert Client().post("/accounts/signup/", form).status_code == 403
    body = {"organization_name": "Acme", "name": "Ada", "email": "ada@example.com", "password": PASSWORD}
    assert Client().post("/v1/auth/register", body, content_type="application/json").status_code == 403
    assert not User.objects.filter(email="ada@example.com").exists()


def test_joining_says_where_it_leads_before_anything_else():
    world = make_world("Acme Robotics", roles=())
    code = code_of(world, role=Role.AUDITOR)
    page = Client().get(f"/accounts/join/{code}").content.decode()
    assert "Acme Robotics" in page and "auditor" in page
    client = Client()
    assert client.post(f"/accounts/join/{code}", joining(code)).status_code == 302
    assert client.get("/audit").status_code == 200
    with world.scope():
        assert Membership.objects.get(user__email="new@example.com").role == Role.AUDITOR


def test_join_codes_cannot_be_tried_for_ever(settings):
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "join_code": "3/m/ip"}
    living = code_of(make_world("Acme Robotics", roles=()))
    assert [Client().get("/accounts/join/WRONG").status_code for _ in range(3)] == [400, 400, 400]
    refused = [Client().get(f"/accounts/join/{living}"), Client().post("/accounts/join/", joining(living))]
    for answer in refused:
        assert answer.status_code == 429 and "Acme Robotics" not in answer.content.decode()


def test_a_used_up_and_a_replaced_code_are_dead():
    world = make_world(roles=())
    once = code_of(world, max_uses=1)
    assert Client().post(f"/accounts/join/{once}", joining(once)).status_code == 302
    assert Client().post(f"/accounts/join/{once}", joining(once, "other@example.com")).status_code == 400
    replaced = code_of(world)
    code_of(world)
    assert Client().get(f"/accounts/join/{replaced}").status_code == 400
    assert not User.objects.filter(email="other@example.com").exists()


def test_a_password_link_works_once_and_ends_every_token():
    world = make_world(roles=(Role.ENGINEER,))
    engineer = world.members[Role.ENGINEER]
    refresh = api_login(engineer.user.email).json()["refresh"]
    with world.scope():
        url = password_link_issue(membership_id=engineer.pk, actor=world.actor, issued_by=world.owner.user).url
    path = url.partition("8000")[2]
    assert Client().get(path).status_code == 200
    assert Client().post(path, {"password": "short"}).status_code == 400
    assert Client().post(path, {"password": "a whole new sentence"}).status_code == 302
    assert Client().post(path, {"password": "and another sentence"}).status_code == 404
    assert api_login(engineer.user.email).status_code == 401
    assert api_login(engineer.user.email, "a whole new sentence").status_code == 200
    dead = Client().post("/v1/auth/refresh", {"refresh": refresh}, content_type="application/json")
    assert dead.status_code == 401


def test_a_deactivated_member_is_out_at_the_next_request():
    world = make_world(roles=(Role.ENGINEER,))
    engineer = world.members[Role.ENGINEER]
    client = Client()
    client.force_login(engineer.user)
    assert client.get("/services").status_code == 200
    with world.scope():
        member_change(membership_id=engineer.pk, actor=world.actor, is_active=False)
    assert client.get("/services").status_code == 302
    assert api_login(engineer.user.email).status_code == 401


def test_guesses_in_the_portal_count_against_the_api():
    world = make_world(roles=())
    for _ in range(5):
        Client().post("/accounts/login/", {"login": world.owner.user.email, "password": "wrong"})
    throttled = api_login(world.owner.user.email)
    assert throttled.status_code == 429
    assert int(throttled["Retry-After"]) > 0


def test_the_second_factor_is_asked_for_everywhere():
    world = make_world(roles=())
    user = world.owner.user
    secret = generate_totp_secret()
    Authenticator.objects.create(user=user, type="totp", data={"secret": get_adapter().encrypt(secret)})
    asked = api_login(user.email)
    assert (asked.status_code, asked.json()["mfa_required"]) == (401, True)
    wrong = api_login(user.email, otp="000000")
    assert (wrong.status_code, wrong.json()["mfa_required"]) == (401, True)
    counter = next(iter(yield_hotp_counters_from_time()))
    assert api_login(user.email, otp=format_hotp_value(hotp_value(secret, counter))).status_code == 200
    client = Client()
    answer = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert answer["Location"].startswith("/accounts/2fa/authenticate")
    assert client.get("/services").status_code == 302
    assert client.get("/admin/").status_code == 302


def test_a_second_factor_is_kept_encrypted_and_one_of_before_still_opens():
    user, secret = make_world(roles=()).owner.user, generate_totp_secret()
    kept = TOTP.activate(user, secret).instance.data["secret"]
    assert secret not in kept and get_adapter().decrypt(kept) == secret
    assert get_adapter().decrypt(secret) == secret


def test_guesses_of_the_second_factor_are_throttled():
    user = make_world(roles=()).owner.user
    Authenticator.objects.create(user=user, type="totp", data={"secret": get_adapter().encrypt(generate_totp_secret())})
    assert [api_login(user.email, otp="000000").status_code for _ in range(5)] == [401] * 5
    refused = api_login(user.email, otp="000000")
    assert refused.status_code == 429 and int(refused["Retry-After"]) > 0


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
def test_a_key_is_no_person_by_whichever_header_it_comes(header):
    world = make_world(roles=())
    key = world.key().key
    value = key if header == "X-API-Key" else f"Bearer {key}"
    assert Client(headers={header: value}).get("/v1/me").status_code == 403
    assert Client(headers={header: value[:-1] + "~"}).get("/v1/me").status_code == 401


@pytest.mark.parametrize(("role", "begins"), [(Role.AUDITOR, "/assurance"), (Role.OWNER, "/")])
def test_signing_in_leads_to_where_the_role_begins_unless_something_was_asked_for(role, begins):
    user = make_world(roles=(role,)).user(role)
    sent = {"login": user.email, "password": PASSWORD}
    client = Client()
    assert client.post("/accounts/login/", sent)["Location"] == begins
    assert client.get("/accounts/join/")["Location"] == begins
    links = re.findall(r'class="navigation-link" href="([^"]+)"', client.get("/services").content.decode())
    assert links[0] == begins
    assert Client().post("/accounts/login/", {**sent, "next": "/logs"})["Location"] == "/logs"


def test_an_ended_session_is_said_so():
    client = Client()
    client.cookies["sessionid"] = "of-yesterday"
    answer = client.get("/services")
    assert "ended=1" in answer["Location"]
    assert "ended" in client.get(answer["Location"]).content.decode()
    assert client.get("/services", headers={"HX-Request": "true"}).status_code == 401


def test_the_organization_of_a_founder_is_theirs_alone():
    first, second = make_world("One", roles=()), make_world("Two", roles=())
    with first.scope():
        assert [organization.name for organization in Organization.objects.all()] == ["One"]
    assert first.organization.pk != second.organization.pk
