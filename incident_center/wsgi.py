"""The WSGI application: API and portal."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "incident_center.settings")

application = get_wsgi_application()
