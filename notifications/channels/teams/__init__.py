"""Microsoft Teams, through the address of a workflow."""
