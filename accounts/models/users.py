"""The user: an issuer and a subject, never a name or an address."""

from collections.abc import Iterable

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower

from esap.backends.visibility import plain_group

__all__ = ["Role", "User"]


class Role(models.TextChoices):
    """What somebody may do here beyond using it."""

    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"


class User(AbstractUser):
    """A person (or a service) known to the gateway.

    Who came by a provider is `issuer` and `subject` (OpenID Connect Core 1.0, section 2: "iss" and
    "sub" together identify an End-User). The name is chosen once, for paths and pages; nobody is
    ever found by it when logging in. Local accounts (`createsuperuser`) have neither.
    """

    issuer = models.CharField(max_length=255, blank=True, editable=False)
    subject = models.CharField(max_length=255, blank=True, editable=False)
    provider = models.CharField(max_length=64, blank=True, editable=False)
    full_name = models.CharField(max_length=255, blank=True)
    role = models.CharField(max_length=16, choices=Role, default=Role.USER, editable=False)
    claimed_groups = models.JSONField(
        default=list, editable=False, help_text="What the provider said at the last login."
    )

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "subject"],
                condition=~models.Q(subject=""),
                name="accounts_user_one_per_subject",
            ),
            # Alice and alice in two paths would be one person to every reader.
            models.UniqueConstraint(Lower("username"), name="accounts_user_name_any_case"),
        ]

    @property
    def group_names(self) -> frozenset[str]:
        """The groups that the user is in, without leading slashes.

        Those of the access token that this request came with, if it names any; else those of the
        last login.
        """
        claimed = vars(self).get("presented_groups")
        return frozenset(map(plain_group, self.claimed_groups if claimed is None else claimed))

    def present_groups(self, names: Iterable[str]) -> None:
        """Take the groups of an access token, for this request only."""
        vars(self)["presented_groups"] = list(names)

    def get_full_name(self) -> str:
        """Return the name that the provider gave."""
        return self.full_name or super().get_full_name()
