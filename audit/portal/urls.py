from django.urls import include, path

from audit.portal.views import AuditPageView

urlpatterns = [path("", include(([path("audit", AuditPageView.as_view(), name="audit")], "audit")))]
