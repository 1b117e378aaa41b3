"""Who sets up a second factor, or removes one, is on the record. The table is allauth's, so the trigger stands here."""

from django.db import migrations

# The person is the object. Secrets are in ``data``, and each use changes the other.
TRIGGER = """
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON mfa_authenticator
  FOR EACH ROW EXECUTE FUNCTION audit_capture('mfa_authenticator', '', 'user_id', 'data,last_used_at', '')
"""


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0003_installation_overview"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]
    operations = [migrations.RunSQL(TRIGGER, "DROP TRIGGER audit ON mfa_authenticator")]
