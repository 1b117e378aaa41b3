"""Verification reads for itself why the guard changed.

It used to ask ``audit_guard_reason``, which whoever owns it could have say anything. That function stays for processes
of the version before, which run on while this one is rolled out.
"""

from django.conf import settings
from django.db import migrations


def grant(apps, schema_editor):
    schema_editor.execute(f"GRANT SELECT ON audit_guard TO {schema_editor.quote_name(settings.RUNTIME_ROLE)}")


def revoke(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(f"REVOKE SELECT ON audit_guard FROM {runtime}")  # noqa: S608


class Migration(migrations.Migration):
    dependencies = [("audit", "0008_records_to_verify")]
    operations = [migrations.RunPython(grant, revoke)]
