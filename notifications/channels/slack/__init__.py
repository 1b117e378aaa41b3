"""Slack's incoming webhooks, and what is compatible with them (Mattermost, Rocket.Chat, Discord's /slack)."""
