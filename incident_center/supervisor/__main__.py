"""``python -m incident_center.supervisor``."""

from __future__ import annotations

from incident_center.supervisor.command import main

raise SystemExit(main())
