"""Addresses of other apps' pages that this app's pages lead to."""

LOGS_ADDRESS = "/logs"
