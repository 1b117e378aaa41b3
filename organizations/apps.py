from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    """Tenants, people, roles, services, keys."""

    name = "organizations"

    def ready(self) -> None:
        from organizations.portal import registration

        registration.register()
