from django.urls import include, path

from incidents.portal import report_urls, schedule_urls
from incidents.portal.views import (
    analytics,
    collaboration,
    dashboard,
    escalation_policies,
    evidence,
    incident,
    incident_clocks,
    incident_escalation,
    incident_list,
    sla,
)

pages = [
    path("", dashboard.DashboardPage.as_view(), name="dashboard"),
    path("dashboard/log-volume", dashboard.LogVolumeFragment.as_view(), name="log-volume"),
    path("incidents", incident_list.IncidentListPage.as_view(), name="list"),
    path("incidents/new", incident_list.IncidentCreatePage.as_view(), name="create"),
    path("incidents/bulk", incident_list.BulkAction.as_view(), name="bulk"),
    path("incidents/preview", collaboration.MarkdownPreview.as_view(), name="preview"),
    path("incidents/views", collaboration.SavedViewSave.as_view(), name="view-save"),
    path("incidents/views/<uuid:view_id>/delete", collaboration.SavedViewDelete.as_view(), name="view-delete"),
    path("incidents/<str:reference>", incident.IncidentDetailPage.as_view(), name="detail"),
    path("incidents/<str:reference>/edit", incident.IncidentEditPage.as_view(), name="edit"),
    path("incidents/<str:reference>/acknowledge", incident.AcknowledgeStep.as_view(), name="acknowledge"),
    path("incidents/<str:reference>/status", incident.StatusStep.as_view(), name="status"),
    path("incidents/<str:reference>/assign", incident.AssignStep.as_view(), name="assign"),
    path("incidents/<str:reference>/notes", incident.NoteStep.as_view(), name="note"),
    path("incidents/<str:reference>/merge", incident.MergeStep.as_view(), name="merge"),
    path("incidents/<str:reference>/escalate", incident_escalation.EscalateStep.as_view(), name="escalate"),
    path("incidents/<str:reference>/responders", incident_escalation.RespondersStep.as_view(), name="responders"),
    path("incidents/<str:reference>/take-over", incident_escalation.TakeOverStep.as_view(), name="take-over"),
    path("incidents/<str:reference>/unmerge", collaboration.UnmergeStep.as_view(), name="unmerge"),
    path("incidents/<str:reference>/follow", collaboration.FollowStep.as_view(), name="follow"),
    path("incidents/<str:reference>/labels", collaboration.LabelStep.as_view(), name="label"),
    path("incidents/<str:reference>/links", collaboration.LinkStep.as_view(), name="link"),
    path("incidents/<str:reference>/links/<uuid:link_id>", collaboration.UnlinkStep.as_view(), name="unlink"),
    path("incidents/<str:reference>/tasks", collaboration.TaskAddStep.as_view(), name="task-add"),
    path("incidents/<str:reference>/tasks/<uuid:task_id>", collaboration.TaskDoneStep.as_view(), name="task-done"),
    path("incidents/<str:reference>/postmortem", collaboration.PostmortemPage.as_view(), name="postmortem"),
    path(
        "incidents/<str:reference>/postmortem/begin", collaboration.PostmortemBegin.as_view(), name="postmortem-begin"
    ),
    path(
        "incidents/<str:reference>/postmortem/publish",
        collaboration.PostmortemPublish.as_view(),
        name="postmortem-publish",
    ),
    path(
        "incidents/<str:reference>/postmortem/download",
        collaboration.PostmortemDownload.as_view(),
        name="postmortem-download",
    ),
    path("incidents/<str:reference>/sla", incident_clocks.PolicyStep.as_view(), name="sla"),
    path("incidents/<str:reference>/duties", incident_clocks.DutyStep.as_view(), name="duty"),
    path("incidents/<str:reference>/duties/<uuid:clock_id>", incident_clocks.MilestoneStep.as_view(), name="milestone"),
    path("incidents/<str:reference>/evidence", evidence.EvidenceDownload.as_view(), name="evidence"),
    path("incidents/<str:reference>/withdraw", incident.WithdrawStep.as_view(), name="withdraw"),
]

sla_pages = [
    path("sla", sla.ViolationsPage.as_view(), name="violations"),
    path("sla/policies", sla.PolicyListPage.as_view(), name="policies"),
    path("sla/policies/new", sla.PolicyCreatePage.as_view(), name="policy-create"),
    path("sla/policies/from-template", sla.PolicyFromTemplate.as_view(), name="policy-from-template"),
    path("sla/policies/<uuid:sla_policy_id>", sla.PolicyEditPage.as_view(), name="policy"),
    path("sla/policies/<uuid:sla_policy_id>/remove", sla.PolicyRemove.as_view(), name="policy-remove"),
    path("sla/calendars/new", sla.CalendarCreatePage.as_view(), name="calendar-create"),
    path("sla/calendars/<uuid:calendar_id>", sla.CalendarEditPage.as_view(), name="calendar"),
    path("sla/calendars/<uuid:calendar_id>/delete", sla.CalendarDelete.as_view(), name="calendar-delete"),
]

escalation_pages = [
    path("escalation", escalation_policies.PolicyListPage.as_view(), name="policies"),
    path("escalation/new", escalation_policies.PolicyCreatePage.as_view(), name="policy-create"),
    path("escalation/steps", escalation_policies.StepsFragment.as_view(), name="steps"),
    path("escalation/<uuid:escalation_policy_id>", escalation_policies.PolicyEditPage.as_view(), name="policy"),
    path(
        "escalation/<uuid:escalation_policy_id>/delete",
        escalation_policies.PolicyDelete.as_view(),
        name="policy-delete",
    ),
]

analytics_pages = [path("analytics", analytics.AnalyticsPage.as_view(), name="analytics")]

urlpatterns = [
    path("", include((analytics_pages, "analytics"))),
    path("", include((escalation_pages, "escalation"))),
    path("", include((pages, "incidents"))),
    path("", include((report_urls.pages, "reports"))),
    path("", include((schedule_urls.pages, "schedules"))),
    path("", include((sla_pages, "sla"))),
]
