"""The timeline: refused to every role, whatever the setting says."""

import os

import psycopg
import pytest

from incidents.models import TimelineEvent
from tests.factories import make_world
from tests.incidents.factories import SWITCH_TRIGGERS_OFF, open_incident


@pytest.mark.parametrize("address", ["DATABASE_URL", "OWNER_DATABASE_URL"])
def test_the_timeline_is_refused_to_everyone(committed_database, address):
    world = make_world(roles=())
    with world.scope():
        event = TimelineEvent.objects.get(incident=open_incident(world))
    with psycopg.connect(os.environ[address], autocommit=True) as raw:
        raw.execute("SELECT set_config('app.organization_id', %s, false)", [str(world.organization.pk)])
        raw.execute(SWITCH_TRIGGERS_OFF)
        for statement in (
            "UPDATE incidents_timelineevent SET data = '{}'",
            "DELETE FROM incidents_timelineevent",
            "TRUNCATE incidents_timelineevent CASCADE",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                raw.execute(statement)
    with world.scope():
        assert TimelineEvent.objects.get(pk=event.pk).data == event.data
