from django.urls import include, path

from incidents.portal.views import dashboard, incident, incident_list

pages = [
    path("", dashboard.DashboardPage.as_view(), name="dashboard"),
    path("dashboard/log-volume", dashboard.LogVolumeFragment.as_view(), name="log-volume"),
    path("incidents", incident_list.IncidentListPage.as_view(), name="list"),
    path("incidents/new", incident_list.IncidentCreatePage.as_view(), name="create"),
    path("incidents/bulk", incident_list.BulkAction.as_view(), name="bulk"),
    path("incidents/<str:reference>", incident.IncidentDetailPage.as_view(), name="detail"),
    path("incidents/<str:reference>/edit", incident.IncidentEditPage.as_view(), name="edit"),
    path("incidents/<str:reference>/acknowledge", incident.AcknowledgeStep.as_view(), name="acknowledge"),
    path("incidents/<str:reference>/status", incident.StatusStep.as_view(), name="status"),
    path("incidents/<str:reference>/assign", incident.AssignStep.as_view(), name="assign"),
    path("incidents/<str:reference>/notes", incident.NoteStep.as_view(), name="note"),
    path("incidents/<str:reference>/merge", incident.MergeStep.as_view(), name="merge"),
    path("incidents/<str:reference>/withdraw", incident.WithdrawStep.as_view(), name="withdraw"),
]

urlpatterns = [path("", include((pages, "incidents")))]
