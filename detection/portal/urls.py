from django.urls import include, path

from detection.portal import alerts, silences, views

pages = [
    path("detection", views.RuleListPage.as_view(), name="rules"),
    path("detection/new", views.RuleCreatePage.as_view(), name="rule-create"),
    path("detection/alerts", alerts.AlertMappingPage.as_view(), name="alert-mapping"),
    path("detection/heartbeats", alerts.HeartbeatListPage.as_view(), name="heartbeats"),
    path("detection/heartbeats/new", alerts.HeartbeatCreatePage.as_view(), name="heartbeat-create"),
    path("detection/heartbeats/<uuid:heartbeat_id>", alerts.HeartbeatEditPage.as_view(), name="heartbeat"),
    path("detection/heartbeats/<uuid:heartbeat_id>/delete", alerts.HeartbeatDelete.as_view(), name="heartbeat-delete"),
    path("detection/silences", silences.SilenceListPage.as_view(), name="silences"),
    path("detection/silences/new", silences.SilenceCreatePage.as_view(), name="silence-create"),
    path("detection/silences/preview", silences.SilencePreviewFragment.as_view(), name="silence-preview"),
    path("detection/silences/<uuid:silence_id>", silences.SilencePage.as_view(), name="silence"),
    path("detection/silences/<uuid:silence_id>/edit", silences.SilenceEditPage.as_view(), name="silence-edit"),
    path("detection/silences/<uuid:silence_id>/end", silences.SilenceEnd.as_view(), name="silence-end"),
    path("detection/silences/<uuid:silence_id>/delete", silences.SilenceDelete.as_view(), name="silence-delete"),
    path("detection/<uuid:rule_id>", views.RuleEditPage.as_view(), name="rule"),
    path("detection/<uuid:rule_id>/switch", views.RuleSwitch.as_view(), name="rule-switch"),
    path("detection/<uuid:rule_id>/delete", views.RuleDelete.as_view(), name="rule-delete"),
]

urlpatterns = [path("", include((pages, "detection")))]
