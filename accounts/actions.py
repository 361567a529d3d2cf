"""The actions of the audit log, a sentence each; docs/reference/audit.md lists them."""

from django.db import models

__all__ = ["Action"]


class Action(models.TextChoices):
    """What was done in a user's name. The label is what the user reads."""

    LOGIN = "login", "You logged in."
    LOGIN_REFUSED = "login.refused", "The gateway refused a login."
    LOGIN_ENDED = "login.ended", "The login provider ended your login, or it could not be renewed."
    LOGOUT = "logout", "You logged out."
    TOKEN_MADE = "token.made", "You made an API token."
    TOKEN_REVOKED = "token.revoked", "An API token was revoked."
    TOKEN_USED = "token.used", "An API token was used from an address that is new for it."
    PEER_TOKEN_ISSUED = (
        "peer-token.issued",
        "The gateway got a token for a service in your name.",
    )
    CONNECTION_MADE = "connection.made", "You connected your account at a service."
    CONNECTION_ENDED = "connection.ended", "A connection to a service was ended."
    PERMISSIONS_CHANGED = "permissions.changed", "What you may do here was changed."
    USER_DEACTIVATED = "user.deactivated", "An operator closed your account for the time being."
    USER_ACTIVATED = "user.activated", "An operator opened your account again."
    JOB_ABORTED = "job.aborted", "An operator aborted a job of yours."
    BASKET_ADOPTED = "basket.adopted", "A basket filled before the login became yours."
    ACCOUNT_EXPORTED = "account.exported", "You took a copy of all that the gateway holds of you."
    ACCOUNT_DELETED = "account.deleted", "An account was deleted, with all that was kept of it."
