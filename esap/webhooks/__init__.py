"""Webhooks: what happens to a user's jobs is sent to addresses of theirs."""
