"""From a message of another system to a decision about an incident."""
