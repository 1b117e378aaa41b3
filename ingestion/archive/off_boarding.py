"""An organization that leaves takes its archives along."""

from __future__ import annotations

import shutil

from django.conf import settings

from ingestion.archive.logs import organization_folder
from organizations.events import OrganizationRemoved, organization_removed


def connect() -> None:
    organization_removed.connect(_hand_over)


def _hand_over(event: OrganizationRemoved) -> None:
    """Into the folder of its export, out of the installation's own."""
    folder = organization_folder(settings.LOG_ARCHIVE_DIRECTORY, event.organization)
    if folder.is_dir():
        shutil.move(folder, event.export_folder / "archive")
