"""Silences and maintenance windows: when they are in force, what they fit, and what follows."""
