"""The accounts app."""

from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who the caller is."""

    name = "accounts"

    def ready(self) -> None:
        """Let the OpenAPI document know how callers say who they are."""
        import_module("accounts.schema")
