"""The mail app."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    """Who asked for it hears by mail when a job has ended."""

    name = "esap.mail"
    label = "mail"
