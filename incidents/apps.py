from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    """Incidents, their lifecycle, their immutable timeline, and who is told of them in which order."""

    name = "incidents"

    def ready(self) -> None:
        from incidents import audit_sentences, handlers  # noqa: F401  (registers itself)
        from incidents.analytics import handlers as analytics_handlers
        from incidents.analytics import sweep as analytics_sweep  # noqa: F401  (registers itself)
        from incidents.coverage import checks as coverage_checks  # noqa: F401  (registers itself)
        from incidents.coverage import sweep as coverage_sweep
        from incidents.escalation import audit_sentences as escalation_audit_sentences  # noqa: F401  (likewise)
        from incidents.escalation import sweep as escalation_sweep  # noqa: F401  (likewise)
        from incidents.escalation.service_field import register_service_field
        from incidents.evidence import incident as evidence_of_incidents  # noqa: F401  (registers itself)
        from incidents.portal import on_call_panels, registration
        from incidents.reports import audit_sentences as report_audit_sentences  # noqa: F401  (registers itself)
        from incidents.reports import incident_document, schedule_sweep  # noqa: F401  (likewise)
        from incidents.reports import sweep as report_sweep  # noqa: F401  (likewise)
        from incidents.schedules import audit_sentences as schedule_audit_sentences  # noqa: F401  (registers itself)
        from incidents.schedules import for_escalation
        from incidents.sla import audit_sentences as sla_audit_sentences  # noqa: F401  (registers itself)
        from incidents.sla import handlers as sla_handlers
        from incidents.sla import sweep  # noqa: F401  (registers itself)
        from incidents.sla.service_field import register_service_field as register_sla_field

        handlers.connect()
        analytics_handlers.connect()
        sla_handlers.connect()
        registration.register()
        for_escalation.register()
        coverage_sweep.connect()
        schedule_sweep.connect()
        on_call_panels.register()
        register_service_field()
        register_sla_field()
