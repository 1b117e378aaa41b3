from django.urls import path

from incidents.api import views

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
]
