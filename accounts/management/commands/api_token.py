"""Make an API token for an account of this machine."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.api_tokens import services
from accounts.api_tokens.scopes import SCOPES
from accounts.models import User
from esap.errors import EsapError


class Command(BaseCommand):
    """Print a new API token for a local account, which is made if there is none."""

    help = (
        "Make an API token for an account of this machine, and print it. An account that does not "
        "exist is made, without a password. Users of a login provider make their tokens themselves."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account's name, and what the token is for."""
        parser.add_argument("username")
        parser.add_argument("--name", default="from the command line", help="what it is for")
        parser.add_argument(
            "--scope", action="append", choices=SCOPES, help="may be repeated; default: write"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token, and nothing else, on standard output."""
        user = User.objects.filter(username__iexact=options["username"]).first()
        if user is None:
            user = User.objects.create_user(options["username"])
            self.stderr.write(f"Made the account {user.username}.")
        if user.subject:
            raise CommandError(
                f"{user.username} logs in at a provider, and makes tokens at accounts/api-tokens/."
            )
        try:
            token, text = services.make(
                user, name=options["name"], scopes=options["scope"] or ["write"]
            )
        except EsapError as error:
            raise CommandError(error.detail) from error
        self.stderr.write(f"It is good until {token.expires:%Y-%m-%d}, and is not shown again:")
        self.stdout.write(text)
