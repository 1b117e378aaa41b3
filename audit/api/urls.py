from django.urls import path

from audit.api.views import AuditView, PublicKeyView, VerifyView

urlpatterns = [
    path("audit", AuditView.as_view()),
    path("audit/verify", VerifyView.as_view()),
    path("evidence/public-key", PublicKeyView.as_view()),
]
