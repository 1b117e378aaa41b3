from django.urls import include, path

from audit.portal.views import AuditPageView, VerificationStep

pages = [
    path("audit", AuditPageView.as_view(), name="audit"),
    path("audit/verification", VerificationStep.as_view(), name="verification"),
]

urlpatterns = [path("", include((pages, "audit")))]
