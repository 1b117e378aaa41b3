from django.urls import path

from incidents.portal.views import assurance, report_schedules, reports

pages = [
    path("reports", reports.ReportsPage.as_view(), name="reports"),
    path("reports/incidents", reports.IncidentsDownload.as_view(), name="incidents"),
    path("reports/incidents/<str:reference>", reports.IncidentDownload.as_view(), name="incident"),
    path("reports/files", reports.ReportFiles.as_view(), name="files"),
    path("reports/files/<uuid:report_file_id>", reports.ReportFilePage.as_view(), name="file"),
    path("reports/files/<uuid:report_file_id>/content", reports.ReportFileDownload.as_view(), name="file-content"),
    path("reports/schedules", report_schedules.ReportScheduleList.as_view(), name="schedules"),
    path("reports/schedules/new", report_schedules.ReportScheduleCreatePage.as_view(), name="schedule-create"),
    path(
        "reports/schedules/<uuid:report_schedule_id>",
        report_schedules.ReportScheduleEditPage.as_view(),
        name="schedule",
    ),
    path(
        "reports/schedules/<uuid:report_schedule_id>/pause",
        report_schedules.ReportSchedulePause.as_view(),
        name="schedule-pause",
    ),
    path(
        "reports/schedules/<uuid:report_schedule_id>/resume",
        report_schedules.ReportScheduleResume.as_view(),
        name="schedule-resume",
    ),
    path(
        "reports/schedules/<uuid:report_schedule_id>/delete",
        report_schedules.ReportScheduleDelete.as_view(),
        name="schedule-delete",
    ),
    path("assurance", assurance.AssurancePage.as_view(), name="assurance"),
]
