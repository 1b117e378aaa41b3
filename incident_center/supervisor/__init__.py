"""Runs a whole installation on one machine: PostgreSQL, Valkey, web, workers and beat, in the foreground.
 ``python -m incident_center.supervisor start`` is what ``script/start`` executes. The parts are also a
library: ``postgres.EmbeddedPostgres`` and ``valkey.EmbeddedValkey`` are the servers that the tests run on,
and ``supervisor.Supervisor`` is what the demo and the fault tests drive.

Nothing in this package imports Django: it must be able to say what is wrong when Django cannot start.
"""
