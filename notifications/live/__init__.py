"""Live updates: what changes on an incident is told to the open pages of those who may see it."""
