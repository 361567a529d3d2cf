"""What is kept of people: who they are, what they hold, and what was done in their name."""

from accounts.models.api_tokens import ApiToken
from accounts.models.audit import AuditEvent
from accounts.models.baskets import Basket, BasketItem
from accounts.models.grants import Grant, PeerToken
from accounts.models.sessions import Session
from accounts.models.users import Role, User

__all__ = [
    "ApiToken",
    "AuditEvent",
    "Basket",
    "BasketItem",
    "Grant",
    "PeerToken",
    "Role",
    "Session",
    "User",
]
