"""Tokens for peers, in a user's name: the only reader of what is stored of them.

    from accounts.tokens import token_for

    given = token_for(user, "rucio", ["openid", "profile"])
    backend.list_scopes(token=given.token)

Works the same in a request and, hours later, in a worker. Not to be called inside a database
transaction: it may wait for the provider.
"""

from accounts.tokens.ending import drop_unused, end, forget, forget_session
from accounts.tokens.giving import Given, connection_token, token_for
from accounts.tokens.keeping import keep_connection, keep_login

__all__ = [
    "Given",
    "connection_token",
    "drop_unused",
    "end",
    "forget",
    "forget_session",
    "keep_connection",
    "keep_login",
    "token_for",
]
