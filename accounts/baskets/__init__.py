"""Baskets: what a user, or a visitor who has not logged in yet, has collected."""
