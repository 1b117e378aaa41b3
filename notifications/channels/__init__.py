"""Outgoing channels: one small folder for each kind, and what all of them share."""
