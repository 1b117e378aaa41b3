"""Addresses, credentials and answers of other systems, for senders that speak to those."""
