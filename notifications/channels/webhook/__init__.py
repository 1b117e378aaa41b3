"""A generic webhook, signed as Standard Webhooks describes (https://www.standardwebhooks.com)."""
