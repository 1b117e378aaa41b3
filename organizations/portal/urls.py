from django.urls import include, path

from organizations.portal.views import entrance, palette, services, settings

pages = [
    path("services", services.ServicesView.as_view(), name="services"),
    path("services/new", services.ServiceCreateView.as_view(), name="service-create"),
    path("services/<uuid:service_id>", services.ServiceView.as_view(), name="service"),
    path("services/<uuid:service_id>/retire", services.ServiceRetireView.as_view(), name="service-retire"),
    path("services/<uuid:service_id>/keys", services.KeysView.as_view(), name="service-keys"),
    path("services/<uuid:service_id>/keys/<uuid:key_id>/rotate", services.KeyRotateView.as_view(), name="key-rotate"),
    path("services/<uuid:service_id>/keys/<uuid:key_id>/revoke", services.KeyRevokeView.as_view(), name="key-revoke"),
    path("settings/account", settings.AccountView.as_view(), name="account"),
    path("settings/organization", settings.OrganizationSettingsView.as_view(), name="settings"),
    path("settings/members", settings.MembersView.as_view(), name="members"),
    path("settings/members/<uuid:membership_id>", settings.MemberChangeView.as_view(), name="member-change"),
    path(
        "settings/members/<uuid:membership_id>/password-link",
        settings.MemberPasswordLinkView.as_view(),
        name="member-password-link",
    ),
    path("settings/join-code", settings.JoinCodeRotateView.as_view(), name="join-code-rotate"),
    path("settings/teams", settings.TeamsView.as_view(), name="teams"),
    path("settings/teams/<uuid:team_id>", settings.TeamView.as_view(), name="team"),
    path("settings/teams/<uuid:team_id>/delete", settings.TeamDeleteView.as_view(), name="team-delete"),
    path("settings/keys", services.KeysView.as_view(), name="gateway-keys"),
    path("settings/keys/<uuid:key_id>/rotate", services.KeyRotateView.as_view(), name="gateway-key-rotate"),
    path("settings/keys/<uuid:key_id>/revoke", services.KeyRevokeView.as_view(), name="gateway-key-revoke"),
    path("password-link/<str:token>", entrance.PasswordLinkView.as_view(), name="password-link"),
]
urlpatterns = [
    path("accounts/signup/", entrance.SignUpView.as_view(), name="account_signup"),
    path("accounts/join/", entrance.JoinView.as_view(), name="account_join"),
    path("accounts/join/<str:code>", entrance.JoinView.as_view(), name="account_join_code"),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("", include(([path("palette", palette.PaletteView.as_view(), name="palette")], "portal"))),
    path("", include((pages, "organizations"))),
]
