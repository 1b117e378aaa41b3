"""Logs in, durable when answered; logs found again. Knows nothing of incidents."""
