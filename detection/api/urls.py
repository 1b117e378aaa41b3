from django.urls import path

from detection.api import alert_intake, alerts, heartbeats, silences, views

urlpatterns = [
    path("detection/rules", views.RuleListView.as_view()),
    path("detection/rules/<uuid:rule_id>", views.RuleDetailView.as_view()),
    path("alerts", alert_intake.GenericAlertView.as_view(), name="alerts"),
    path("alerts/alertmanager", alert_intake.AlertmanagerWebhookView.as_view(), name="alertmanager-webhook"),
    path("alert-mapping", alerts.AlertMappingView.as_view()),
    path("incidents/<str:reference>/alerts", alerts.IncidentAlertsView.as_view()),
    path("heartbeats/<str:token>", heartbeats.BeatView.as_view(), name="heartbeat"),
    path("heartbeats/<str:token>/fail", heartbeats.FailView.as_view()),
    path("heartbeat-monitors", heartbeats.HeartbeatListView.as_view()),
    path("heartbeat-monitors/<uuid:heartbeat_id>", heartbeats.HeartbeatDetailView.as_view()),
    path("silences", silences.SilenceListView.as_view()),
    path("silences/preview", silences.SilencePreviewView.as_view()),
    path("silences/<uuid:silence_id>", silences.SilenceDetailView.as_view()),
    path("silences/<uuid:silence_id>/end", silences.SilenceEndView.as_view()),
    path("maintenance-windows", silences.WindowListView.as_view()),
    path("maintenance-windows/preview", silences.WindowPreviewView.as_view()),
    path("maintenance-windows/<uuid:window_id>", silences.WindowDetailView.as_view()),
    path("maintenance-windows/<uuid:window_id>/end", silences.WindowEndView.as_view()),
]
