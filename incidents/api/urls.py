from django.urls import path

from incidents.api import sla, views

urlpatterns = [
    path("incidents", views.IncidentListView.as_view()),
    path("incidents/<str:reference>", views.IncidentDetailView.as_view()),
    path("incidents/<str:reference>/status", views.StatusView.as_view()),
    path("incidents/<str:reference>/acknowledge", views.AcknowledgeView.as_view()),
    path("incidents/<str:reference>/assign", views.AssignView.as_view()),
    path("incidents/<str:reference>/notes", views.NoteView.as_view()),
    path("incidents/<str:reference>/merge", views.MergeView.as_view()),
    path("incidents/<str:reference>/events", views.TimelineView.as_view()),
    path("incidents/<str:reference>/logs", views.LinkedLogView.as_view()),
    path("incidents/<str:reference>/sla", sla.IncidentSlaView.as_view()),
    path("incidents/<str:reference>/sla/<uuid:clock_id>/record", sla.MilestoneRecordView.as_view()),
    path("sla/policies", sla.SlaPolicyListView.as_view()),
    path("sla/policies/<uuid:sla_policy_id>", sla.SlaPolicyDetailView.as_view()),
    path("sla/templates", sla.SlaTemplateView.as_view()),
    path("sla/calendars", sla.BusinessCalendarListView.as_view()),
    path("sla/calendars/<uuid:calendar_id>", sla.BusinessCalendarDetailView.as_view()),
    path("sla/violations", sla.ViolationListView.as_view()),
]
