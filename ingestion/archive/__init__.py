"""Logs past their time, as compressed files with checksums, and back again."""
