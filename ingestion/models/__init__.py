from ingestion.models.dead_letter import DeadLetter
from ingestion.models.explorer import LogColumns, LogExport, SavedSearch
from ingestion.models.log_entry import LEVEL_CHOICES, LogEntry
from ingestion.models.log_minute import LogMinute
from ingestion.models.pattern import LogPattern, LogPatternMinute, PatternProgress, ServiceRelease

__all__ = [
    "LEVEL_CHOICES",
    "DeadLetter",
    "LogColumns",
    "LogEntry",
    "LogExport",
    "LogMinute",
    "LogPattern",
    "LogPatternMinute",
    "PatternProgress",
    "SavedSearch",
    "ServiceRelease",
]
