"""Mistakes that could be made in the gateway: each has to be seen by the tests of its kind.

`python -m tests.security.seen_to_fail` makes them one by one in a copy of the checkout.
"""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["BREAKS", "ITEMS", "OWASP", "ROOT", "Break", "file_for"]

ROOT = Path(__file__).parents[2]
OWASP = [f"API{number}" for number in range(1, 11)]
ITEMS = [*OWASP, "LEAKS"]
"""The items of OWASP's list, and the search for tokens where they should not be."""


@dataclass(frozen=True)
class Break:
    """A mistake: what it means, and the text of a file that it puts another in the place of."""

    item: str
    means: str
    file: str
    old: str
    new: str

    def made_in(self, text: str) -> str:
        """Return the text of the file with the mistake; `ValueError` if it cannot be made there."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} has {self.old!r} {text.count(self.old)} times, not once")
        return text.replace(self.old, self.new)


def file_for(item: str) -> Path:
    """Return the file of tests of an item, such as API7."""
    if item not in OWASP:
        return Path(__file__).with_name("test_tokens_do_not_leak.py")
    number = int(item.removeprefix("API"))
    (file,) = (Path(__file__).parent / "owasp").glob(f"test_api{number:02}_*.py")
    return file


BREAKS = [
    Break(
        "API1",
        "a job is shown to whoever knows its id",
        "esap/jobs/services.py",
        "_kept().filter(Q(owner=_user(caller)) | Q(owner=None), pk=job_id)",
        "_kept().filter(pk=job_id)",
    ),
    Break(
        "API1",
        "a link to a job opens them all",
        "esap/jobs/services.py",
        "if job is not None and is_shared_with(job, token):",
        "if job is not None:",
    ),
    Break(
        "API1",
        "webhooks are everybody's",
        "esap/webhooks/services.py",
        "return Webhook.objects.filter(owner=owner)",
        "return Webhook.objects.all()",
    ),
    Break(
        "API1",
        "an item of a basket is shown to whoever knows its id",
        "accounts/baskets/services.py",
        "BasketItem.objects.filter(basket__in=owner.baskets(), pk=item_id)",
        "BasketItem.objects.filter(pk=item_id)",
    ),
    Break(
        "API1",
        "API tokens are everybody's",
        "accounts/api_tokens/services.py",
        "return ApiToken.objects.filter(user=user)",
        "return ApiToken.objects.all()",
    ),
    Break(
        "API1",
        "a profile has any name",
        "accounts/profiles/views.py",
        "if user.get_username() != user_name:",
        "if not user_name:",
    ),
    Break(
        "API1",
        "a connection of anybody is ended",
        "accounts/connections/services.py",
        "Grant.objects.filter(user=user, kind=Grant.Kind.CONNECTION, server=connection)",
        "Grant.objects.filter(kind=Grant.Kind.CONNECTION, server=connection)",
    ),
    Break(
        "API2",
        "a session keeps its key when its user logs in",
        "accounts/login/sessions.py",
        "    if before:\n        forget_session(before)",
        "    if before:\n        request.session._session_key = before",
    ),
    Break(
        "API2",
        "revoked and old API tokens open",
        "accounts/api_tokens/services.py",
        "return tokens.filter(revoked=None, expires__gt=timezone.now())",
        "return tokens",
    ),
    Break(
        "API2",
        "nobody looks at the signature of a display token",
        "accounts/display_tokens.py",
        'options={"require": _CLAIMS},',
        'options={"require": _CLAIMS, "verify_signature": False},',
    ),
    Break(
        "API2",
        "an ID token answers any login",
        "accounts/backends/oidc.py",
        'if claims.get("nonce") != nonce:',
        'if "nonce" not in claims:',
    ),
    Break(
        "API2",
        "passwords are taken where they are not wanted",
        "accounts/login/local.py",
        "if not settings.LOCAL_LOGIN:",
        "if settings.LOCAL_LOGIN is None:",
    ),
    Break(
        "API3",
        "a provider's claim makes an admin",
        "accounts/identities.py",
        "role = role_for(user.claimed_groups,",
        'role = claims.get("role") or role_for(user.claimed_groups,',
    ),
    Break(
        "API3",
        "an API token is shown with its digest",
        "accounts/api_tokens/serializers.py",
        '            "created",\n            "expires",',
        '            "created",\n            "digest",\n            "expires",',
    ),
    Break(
        "API3",
        "the admin shows a sealed token",
        "accounts/admin.py",
        'fields = ("id", "user", "kind", "server",',
        'fields = ("refresh_token", "id", "user", "kind", "server",',
    ),
    Break(
        "API3",
        "a profile takes any member",
        "accounts/profiles/services.py",
        "others = sent.keys() - {_CART}",
        "others: set[str] = set()",
    ),
    Break(
        "API4",
        "a user has API tokens without end",
        "accounts/api_tokens/services.py",
        "count() >= MOST_LIVE:",
        "count() >= 10 * MOST_LIVE:",
    ),
    Break(
        "API4",
        "a caller has searches running without end",
        "esap/api/in_flight.py",
        "if self._held[caller] >= most:",
        "if self._held[caller] > most:",
    ),
    Break(
        "API4",
        "a basket holds any number of items",
        "accounts/baskets/holding.py",
        "if count > limits.items:",
        "if count > 2 * limits.items:",
    ),
    Break(
        "API4",
        "visitors come from an address without end",
        "accounts/baskets/visitors.py",
        "distinct().count() >= most:",
        "distinct().count() > most:",
    ),
    Break(
        "API5",
        "a token of ours does what people do",
        "accounts/permissions.py",
        "if not credential_of(request).is_of_a_person:",
        "if not credential_of(request).kind:",
    ),
    Break(
        "API5",
        "files are brought into a lake by nobody",
        "rucio_app/views/lakes.py",
        '_OWN = {"account", "rules", "rule", "estimate", "upload"}',
        '_OWN = {"account", "rules", "rule", "estimate"}',
    ),
    Break(
        "API5",
        "a token that reads in one room reads in all",
        "accounts/api_tokens/scopes.py",
        "return not enough.isdisjoint(scopes)",
        "return any(scope.endswith('read') for scope in scopes) or not enough.isdisjoint(scopes)",
    ),
    Break(
        "API5",
        "admins delete what they should only see",
        "esap/api/admin.py",
        "def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:\n"
        "        return False",
        "def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:\n"
        "        return True",
    ),
    Break(
        "API5",
        "operators close the accounts of admins",
        "accounts/admin.py",
        "if obj.pk == me.pk or (obj.is_superuser and not me.is_superuser):",
        "if obj.pk == me.pk:",
    ),
    Break(
        "API6",
        "an account is deleted without its name",
        "accounts/data/views.py",
        'if asked.validated_data["confirm"] != user.get_username():',
        'if not asked.validated_data["confirm"]:',
    ),
    Break(
        "API6",
        "a page of another site writes by its visitor's cookie",
        "accounts/origin.py",
        "    if not is_ours:",
        "    if not is_ours and origin is None:",
    ),
    Break(
        "API6",
        "a token makes tokens",
        "accounts/api_tokens/views.py",
        'if self.action in {"list", "retrieve"} else [HumanLogin()]',
        'if self.action in {"list", "retrieve", "create"} else [HumanLogin()]',
    ),
    Break(
        "API7",
        "every address is public",
        "esap/backends/address.py",
        "    if isinstance(ip, IPv4Address):\n        return not any(",
        "    if isinstance(ip, IPv4Address):\n        return True or not any(",
    ),
    Break(
        "API7",
        "a connection leads to any address",
        "accounts/connections/views.py",
        "return wanted if wanted and ours else",
        "return wanted if wanted else",
    ),
    Break(
        "API7",
        "a code follows redirects",
        "accounts/backends/grants.py",
        "allow_redirects=False, idempotent=idempotent",
        "idempotent=idempotent",
    ),
    Break(
        "API8",
        "every origin is let in",
        "esap/settings/base.py",
        "CORS_ALLOW_CREDENTIALS = True",
        "CORS_ALLOW_CREDENTIALS = CORS_ALLOW_ALL_ORIGINS = True",
    ),
    Break(
        "API8",
        "scripts read the session's cookie",
        "esap/settings/base.py",
        "SESSION_COOKIE_HTTPONLY = True",
        "SESSION_COOKIE_HTTPONLY = False",
    ),
    Break(
        "API8",
        "a bug is told with its stack",
        "esap/api/views.py",
        '"The gateway made a mistake. Try again;',
        '__import__("traceback").format_exc() + "The gateway made a mistake. Try again;',
    ),
    Break(
        "API8",
        "production debugs",
        "esap/settings/prod.py",
        "SESSION_COOKIE_SECURE = ENV.behind_proxy",
        "DEBUG = True",
    ),
    Break(
        "API9",
        "a route is in no document",
        "esap/urls.py",
        'path("", Landing.as_view(), name="landing"),',
        'path("", Landing.as_view(), name="landing"), path("debug/", Landing.as_view()),',
    ),
    Break(
        "API9",
        "the versions differ",
        "esap/settings/base.py",
        '"VERSION": VERSION,',
        '"VERSION": "0.0.9",',
    ),
    Break(
        "API10",
        "what a provider calls somebody is kept as it stands",
        "accounts/backends/told.py",
        "if letter.isprintable())",
        "if letter)",
    ),
    Break(
        "API10",
        "a subject is whatever a provider says",
        "accounts/backends/told.py",
        "return isinstance(claim, str) and 0 < len(claim) <= LONGEST and claim.isprintable()",
        "return True",
    ),
    Break(
        "API10",
        "a name is markup",
        "esap/api/templates/esap/who.html",
        "{% firstof request.user.get_full_name request.user.get_username %}",
        "{{ request.user.get_full_name|safe }}",
    ),
    Break(
        "API10",
        "an answer may be of any length",
        "accounts/backends/base.py",
        "max_bytes: int = Field(default=1 << 20, gt=0)",
        "max_bytes: int = Field(default=1 << 30, gt=0)",
    ),
    Break(
        "API10",
        "JSON is what Python takes for it",
        "esap/backends/http.py",
        "return orjson.loads(self.content.removeprefix(BOM_UTF8))",
        "return super().json()",
    ),
    Break(
        "LEAKS",
        "a refresh token is stored as it is",
        "accounts/tokens/keeping.py",
        "grant.refresh_token = seal(tokens.refresh_token, bound_to=refresh_place(grant))",
        "grant.refresh_token = tokens.refresh_token",
    ),
    Break(
        "LEAKS",
        "a session is stored under its own key",
        "accounts/session_store.py",
        "return hashlib.sha256(session_key.encode()).hexdigest()[:_LENGTH]",
        "return session_key",
    ),
    Break(
        "LEAKS",
        "a log has words that were drawn by lot",
        "esap/redaction.py",
        "return _WORD.sub(",
        "return text or _WORD.sub(",
    ),
    Break(
        "LEAKS",
        "a problem repeats what was sent",
        "esap/redaction.py",
        "return _TOKEN.sub(HIDDEN, value)",
        "return value",
    ),
    Break(
        "LEAKS",
        "what a provider calls an error is repeated",
        "accounts/backends/grants.py",
        'Field(max_length=60, pattern=r"^[a-z_]+$")',
        "Field(max_length=60)",
    ),
    Break(
        "LEAKS",
        "a token in an address is passed over",
        "esap/api/middleware.py",
        "if not carries_token([request.path, *texts]):",
        "if texts or request.path:",
    ),
    Break(
        "LEAKS",
        "a job keeps a token in its parameters",
        "esap/jobs/kinds.py",
        "if carries_token(said):",
        "if carries_token(None):",
    ),
    Break(
        "LEAKS",
        "a secret of webhooks is kept as it is",
        "esap/webhooks/services.py",
        "webhook.sealed_secret = seal(secret, bound_to=place_of_secret(webhook))",
        "webhook.sealed_secret = secret",
    ),
    Break(
        "LEAKS",
        "the token of a shared link is kept as it is",
        "esap/jobs/sharing.py",
        "return hashlib.sha256(token.encode()).hexdigest()",
        "return token",
    ),
    Break(
        "LEAKS",
        "a failed answer of a provider is quoted",
        "accounts/backends/grants.py",
        'raise UnreadableAnswer(f"{title} gave no access token that could be read.") from None',
        'raise UnreadableAnswer(f"{title} gave {answer.text}.") from None',
    ),
]
