from django.urls import path

from incidents.portal.views import assurance, reports

pages = [
    path("reports", reports.ReportsPage.as_view(), name="reports"),
    path("reports/incidents", reports.IncidentsDownload.as_view(), name="incidents"),
    path("reports/incidents/<str:reference>", reports.IncidentDownload.as_view(), name="incident"),
    path("reports/files", reports.ReportFiles.as_view(), name="files"),
    path("reports/files/<uuid:report_file_id>", reports.ReportFileDownload.as_view(), name="file"),
    path("assurance", assurance.AssurancePage.as_view(), name="assurance"),
]
