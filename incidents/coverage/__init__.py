"""The coverage check: what nobody would notice until somebody has to be told, and is not."""
