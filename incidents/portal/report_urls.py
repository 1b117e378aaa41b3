from django.urls import path

from incidents.portal.views import reports

pages = [
    path("reports", reports.ReportsPage.as_view(), name="reports"),
    path("reports/incidents", reports.IncidentsDownload.as_view(), name="incidents"),
]
