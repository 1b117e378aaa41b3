"""Silences that begin or end: carried out within a second, whoever made them."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.utils import timezone

from detection.actions.silence_apply import silence_apply
from detection.actions.silence_follow import SILENCES
from detection.silences.selectors import silences_due
from incident_center.kernel.api.problems import Problem
from incident_center.kernel.scope import organization_scope
from incident_center.kernel.sweeps import sweep

logger = logging.getLogger(__name__)


@sweep(name="silences", every=timedelta(seconds=1))
def sweep_silences() -> None:
    for organization_id, silence_id in silences_due(timezone.now()):
        with organization_scope(organization_id, actor=SILENCES):
            try:
                silence_apply(silence_id=silence_id)
            except Problem:
                logger.exception("silence %s could not be carried out; the next sweep tries again", silence_id)
