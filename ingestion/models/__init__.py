from ingestion.models.dead_letter import DeadLetter
from ingestion.models.log_entry import LEVEL_CHOICES, LogEntry

__all__ = ["LEVEL_CHOICES", "DeadLetter", "LogEntry"]
