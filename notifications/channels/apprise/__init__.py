"""The long tail, through Apprise: only services that are named here, and only through the egress guard."""
