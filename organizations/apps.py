from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    """Tenants, people, roles, services, keys."""

    name = "organizations"
