from django.urls import path

from detection.compatibility import alertmanager, opsgenie, pagerduty

urlpatterns = [
    path("v2/enqueue", pagerduty.EnqueueView.as_view(), name="pagerduty-enqueue"),
    path("v2/alerts", opsgenie.OpsgenieAlertsView.as_view(), name="opsgenie-alerts"),
    path("v2/alerts/<path:identifier>/close", opsgenie.OpsgenieCloseView.as_view()),
    path("v2/alerts/<path:identifier>/acknowledge", opsgenie.OpsgenieAcknowledgeView.as_view()),
    path("v2/alerts/<path:identifier>/notes", opsgenie.OpsgenieNotesView.as_view()),
    path("v2/alerts/<path:identifier>", opsgenie.OpsgenieAlertView.as_view()),
    path("api/v2/alerts", alertmanager.AlertmanagerApiView.as_view(), name="alertmanager-alerts"),
]
