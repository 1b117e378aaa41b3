from django.urls import path

from organizations.api.views import auth, organization, services

urlpatterns = [
    path("auth/register", auth.RegisterView.as_view()),
    path("auth/login", auth.LoginView.as_view()),
    path("auth/refresh", auth.RefreshView.as_view()),
    path("auth/logout", auth.LogoutView.as_view()),
    path("me", auth.MeView.as_view()),
    path("organization", organization.OrganizationView.as_view()),
    path("organization/members", organization.MemberListView.as_view()),
    path("organization/members/<uuid:membership_id>", organization.MemberDetailView.as_view()),
    path("organization/members/<uuid:membership_id>/password-link", organization.PasswordLinkView.as_view()),
    path("organization/join-code", organization.JoinCodeView.as_view()),
    path("organization/keys", services.KeyListView.as_view()),
    path("organization/keys/<uuid:key_id>", services.KeyDetailView.as_view()),
    path("organization/keys/<uuid:key_id>/rotate", services.KeyRotateView.as_view()),
    path("services", services.ServiceListView.as_view()),
    path("services/<uuid:service_id>", services.ServiceDetailView.as_view()),
    path("services/<uuid:service_id>/keys", services.KeyListView.as_view()),
    path("services/<uuid:service_id>/keys/<uuid:key_id>", services.KeyDetailView.as_view()),
    path("services/<uuid:service_id>/keys/<uuid:key_id>/rotate", services.KeyRotateView.as_view()),
    path("teams", services.TeamListView.as_view()),
    path("teams/<uuid:team_id>", services.TeamDetailView.as_view()),
]
