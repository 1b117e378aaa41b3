"""The settings that an embedded PostgreSQL starts with. None of them trades durability for speed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from incident_center.supervisor.memory import share_of_memory


def default_settings(*, preload: str) -> dict[str, str]:
    """Settings for a machine that also runs the web and worker processes.

    Args:
        preload: comma-separated libraries to load at start; "" for none.
    """
    shared_buffers = share_of_memory(1 / 8, least=64, most=2048)
    return {
        "max_connections": "200",
        "shared_preload_libraries": preload,
        # An eighth of the memory: the page cache and the Python processes need the rest.
        "shared_buffers": f"{shared_buffers}MB",
        "effective_cache_size": f"{share_of_memory(1 / 2, least=256, most=64 * 1024)}MB",
        "maintenance_work_mem": f"{share_of_memory(1 / 64, least=64, most=512)}MB",
        "work_mem": "8MB",
        # An answer means durable: these three stay as they are.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        # Fewer, longer checkpoints: each one makes the next write of every page a full-page image.
        "max_wal_size": "4GB",
        "min_wal_size": "256MB",
        "checkpoint_timeout": "15min",
        # Any build has pglz; a better method is chosen after the start, where the build has one.
        "wal_compression": "on",
        # Log partitions by retention class and day, each with its indexes, are locked together when planned.
        "max_locks_per_transaction": "256",
        # Queries here are short; compiling them takes longer than running them.
        "jit": "off",
        "random_page_cost": "1.1",
        # PostgreSQL takes a new table for empty until it has figures about it, and plans badly while a first storm of
        # alerts fills it: after ten seconds it knows better, not after a minute.
        "autovacuum_naptime": "10s",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_min_duration_statement": "2s",
        "log_checkpoints": "off",
        # A client that vanished is noticed, and its locks are given back.
        "tcp_keepalives_idle": "60",
        "password_encryption": "scram-sha-256",
    }


def write_settings(file: Path, data: Path, settings: Mapping[str, str]) -> None:
    """Writes the server's configuration file, outside the data folder; it holds no secret.

    It begins with the data folder's own ``postgresql.conf``. ``ALTER SYSTEM`` overrules both, so an operator
    can change a setting lastingly.
    """
    lines = [
        "# Written anew at each start. To change a setting lastingly, use ALTER SYSTEM.",
        f"include = {_quoted(str(data / 'postgresql.conf'))}",
        *(f"{name} = {_quoted(value)}" for name, value in settings.items()),
    ]
    file.write_text("\n".join(lines) + "\n")
    file.chmod(0o644)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


# Compression methods by preference, for the settings whose choice depends on how PostgreSQL was built.
BUILD_DEPENDENT = {
    "wal_compression": ("lz4", "zstd"),
    "default_toast_compression": ("lz4",),
}
