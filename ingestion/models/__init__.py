from ingestion.models.dead_letter import DeadLetter
from ingestion.models.explorer import LogColumns, LogExport, SavedSearch
from ingestion.models.log_entry import LEVEL_CHOICES, LogEntry
from ingestion.models.log_minute import LogMinute

__all__ = ["LEVEL_CHOICES", "DeadLetter", "LogColumns", "LogEntry", "LogExport", "LogMinute", "SavedSearch"]
