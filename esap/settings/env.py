"""Read the environment: every setting an operator may give, typed, checked and described.

docs/reference/settings.md is made from this page, and a test keeps it so.
"""

from pathlib import Path
from typing import Literal

from pydantic import (
    AliasChoices,
    Field,
    FilePath,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from esap.settings.texts import Counts, Words

__all__ = ["BASE_DIR", "Environment", "read_environment"]

BASE_DIR = Path(__file__).resolve().parents[2]


class Environment(BaseSettings):
    """Settings from the environment; a value that does not convert stops the start."""

    model_config = SettingsConfigDict(env_prefix="ESAP_", extra="ignore", frozen=True)

    process: Literal["gateway", "events", "worker", "clock"] = Field(
        default="gateway",
        description="Which process this is. What starts it says so.",
    )
    secret_key: str = Field(
        default="",
        description="Signs sessions. Required in production: a long random text, kept secret.",
    )
    vault_keys: Words = Field(
        default=[],
        description="Keys that seal stored tokens: long random texts, the newest first; every one "
        "of them opens. Empty: one key that follows from ESAP_SECRET_KEY.",
    )
    allowed_hosts: Words = Field(
        default=["localhost", "127.0.0.1", "[::1]"],
        description="Host names under which the gateway answers.",
    )
    database_url: str = Field(
        default="",
        validation_alias=AliasChoices("DATABASE_URL"),
        description="The database, such as postgres://user:password@host/name. "
        "Empty: SQLite in ESAP_DATA_DIR.",
    )
    redis_url: str = Field(
        default="redis://127.0.0.1:6379/0",
        validation_alias=AliasChoices("REDIS_URL"),
        description="The message broker. `make run` starts one of its own unless this is set.",
    )
    cache_url: str = Field(
        default="",
        description="A Redis or Valkey for cached look-ups, not the broker's. "
        "Empty: files in ESAP_DATA_DIR.",
    )
    data_dir: Path = Field(
        default=BASE_DIR / "var",
        description="Folder for what the gateway keeps: database, caches, catalogues, results.",
    )
    results_url: str = Field(
        default="",
        pattern=r"^(s3://[a-z0-9][a-z0-9.-]+(/[\w./-]*)?)?$",
        description="Bucket and folder for results, such as s3://esap/results. "
        "Empty: a folder in ESAP_DATA_DIR.",
    )
    s3_endpoint: str = Field(
        default="",
        description="Where that bucket is, such as https://s3.example.org. Empty: at Amazon.",
    )
    s3_region: str = Field(default="", description="Region of that bucket, if it has one.")
    s3_access_key: str = Field(
        default="",
        description="Access key for that bucket. Empty: boto3's usual places, such as "
        "AWS_ACCESS_KEY_ID.",
    )
    s3_secret_key: str = Field(default="", description="The secret that goes with it.")
    result_bytes: int = Field(
        default=1 << 30,
        gt=0,
        description="Most bytes of one stored result.",
    )
    results_cache_bytes: int = Field(
        default=4 << 30,
        gt=0,
        description="Most bytes of local copies of results that are in a bucket.",
    )
    peers: Path | None = Field(
        default=None,
        description="The operator's entries: a YAML file, or a folder of them.",
    )
    default_peers: bool = Field(
        default=True,
        description="Whether the public archives that ship with the gateway are offered.",
    )
    sub_path: str = Field(
        default="",
        pattern=r"^(/[\w.~-]+)*$",
        description="Path under which a reverse proxy serves the gateway, such as /esap.",
    )
    behind_proxy: bool = Field(
        default=False,
        description="Whether a reverse proxy in front sets X-Forwarded-Host, -Proto and -For. "
        "Only then are they believed.",
    )
    events_url: str = Field(
        default="",
        description="Origin of the events process, where no proxy routes its paths to it, "
        "such as http://localhost:8001.",
    )
    cors_origins: Words = Field(
        default=[],
        description="Origins of front ends on other hosts that may call the API from a browser.",
    )
    http_proxy: str = Field(
        default="",
        description="Proxy for all outbound HTTP, such as http://proxy.example.org:3128.",
    )
    ca_bundle: FilePath | None = Field(
        default=None,
        description="File of certificate authorities to trust outbound, instead of certifi's.",
    )
    max_body_bytes: int = Field(
        default=20_000_000,
        gt=0,
        description="Largest request body taken, in bytes.",
    )
    search_timeout: float = Field(
        default=30.0,
        gt=0,
        description="Seconds that each archive has to answer a search, unless the search says.",
    )
    search_timeout_max: float = Field(
        default=600.0,
        gt=0,
        description="Most seconds that a search may ask for.",
    )
    search_job_timeout: float = Field(
        default=3600.0,
        gt=0,
        description="Seconds that an archive has which did not answer a search in time, and is "
        "asked on in the background; also the most that a search in the background may ask for.",
    )
    search_rows_max: int = Field(
        default=1_000_000,
        gt=0,
        description="Most rows that a search may ask of one dataset.",
    )
    searches_in_flight: int = Field(
        default=8,
        gt=0,
        description="Searches that one address may have running at once.",
    )
    basket_items: int = Field(
        default=5_000,
        gt=0,
        le=20_000,
        description="Items that a basket of a user may have.",
    )
    basket_item_bytes: int = Field(
        default=100_000,
        gt=0,
        description="Largest item that a basket takes, in bytes of JSON.",
    )
    baskets: int = Field(
        default=50,
        ge=0,
        description="Baskets that a user may have besides `default`.",
    )
    basket_bytes: int = Field(
        default=20_000_000,
        gt=0,
        description="Bytes that all baskets of a user may have together.",
    )
    visitor_basket_items: int = Field(
        default=200,
        gt=0,
        le=20_000,
        description="Items that a basket of a visitor, who has not logged in, may have.",
    )
    visitor_baskets: int = Field(
        default=3,
        ge=0,
        description="Baskets that a visitor may have besides `default`.",
    )
    visitor_basket_bytes: int = Field(
        default=300_000,
        gt=0,
        description="Bytes that all baskets of a visitor may have together.",
    )
    visitors_per_address: int = Field(
        default=200,
        ge=0,
        description="Visitors of one address (in IPv6, of one /64) whose baskets are kept at once.",
    )
    visitor_days: float = Field(
        default=14.0,
        gt=0,
        description="Days that a visitor's baskets are kept after they last changed.",
    )
    ping_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Seconds between two pings of every peer for the health matrix.",
    )
    port: int = Field(
        default=8000,
        gt=0,
        lt=65536,
        description="Port on which `make run` serves the gateway, on this machine only.",
    )
    events_port: int = Field(
        default=8001,
        gt=0,
        lt=65536,
        description="Port on which `make run` serves the event streams, on this machine only.",
    )
    job_days: float = Field(
        default=30.0,
        gt=0,
        description="Days that a job is kept after it was made; then it is destroyed.",
    )
    login_redirect: str = Field(
        default="",
        description="Where a browser goes after a login that did not say, such as "
        "/esap-gui/login. Empty: the first page.",
    )
    login_failed_redirect: str = Field(
        default="",
        description="Where a browser goes after a login that failed, such as /esap-gui/error; "
        "`?problem=` says why. Empty: a page that tells.",
    )
    logout_redirect: str = Field(
        default="",
        description="Where the provider sends a browser after a logout. Empty: the first page.",
    )
    local_login: bool | None = Field(
        default=None,
        description="Whether accounts of `make account` may log in by password. "
        "Unset: on with `make run`, off in production.",
    )
    jobs_in_flight: int = Field(
        default=100,
        ge=0,
        description="Jobs that one user may have under way at once; 0 switches all jobs off.",
    )
    jobs_limits: Counts = Field(
        default={},
        description="The same for some kinds of job, such as query.search=8, batch.job=100; "
        "0 switches a kind off.",
    )
    lease_seconds: float = Field(
        default=20.0,
        gt=0,
        description="Seconds that a job stays with a worker that gives no sign of life; it is "
        "taken from the worker after one and a half times that.",
    )
    sweep_seconds: float = Field(
        default=5.0,
        gt=0,
        description="Seconds between two looks for jobs that nobody looked at in time.",
    )
    webhooks_private_network: bool = Field(
        default=False,
        description="Whether users' webhooks may lead into private networks. Only where all users "
        "may reach those anyway.",
    )
    email_url: str = Field(
        default="",
        pattern=r"^(smtp://[^@/\s]+|(smtps|smtp\+starttls)://([^@/:\s]+@)?[^@/\s]+)?$",
        description="The server that takes the mail about jobs that have ended, such as "
        "smtp+starttls://esap@mail.example.org:587; with smtps:// TLS comes first, with smtp:// "
        "not at all, and then there is no user. Empty: no mail is sent.",
    )
    email_password_file: FilePath | None = Field(
        default=None, description="File with the password that goes with it."
    )
    email_from: str = Field(
        default="",
        validate_default=True,
        description="From whom that mail is, such as ESAP <esap@example.org>.",
    )
    public_url: str = Field(
        default="",
        pattern=r"^(https?://[^/\s]+/?)?$",
        validate_default=True,
        description="Where users reach the gateway, such as https://esap.example.org, without "
        "ESAP_SUB_PATH: for links in mail.",
    )
    metrics_token: str = Field(
        default="",
        pattern=r"^([\x21-\x7e]{16,})?$",
        description="Bearer token with which Prometheus reads /esap-api/metrics: a long random "
        "text. Empty: only operators who have logged in may read it.",
    )
    audit_days: float = Field(
        default=365.0,
        gt=0,
        description="Days that the audit log is kept.",
    )
    api_token_days: float = Field(
        default=365.0,
        gt=0,
        description="Most days that an API token may live. It lives 90, unless its user says.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="How much is logged."
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="Logs for people (console) or machines (json)."
    )

    @field_validator("email_from", "public_url")
    @classmethod
    def _needed_for_mail(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("email_url") and not value:
            raise ValueError("set it, too, or leave ESAP_EMAIL_URL out")
        return value


def read_environment() -> Environment:
    """Return the settings, or end the program with a line for each that is wrong."""
    try:
        return Environment()
    except ValidationError as error:
        lines = [
            f"  {_variable(str(wrong['loc'][0]))}={str(wrong['input'])[:80]!r}: {wrong['msg']}."
            for wrong in error.errors()
        ]
    raise SystemExit(
        "\n".join(["The gateway cannot start: see docs/reference/settings.md, and mend", *lines])
    )


def _variable(place: str) -> str:
    """Name the variable of a field; those with a name of their own come by it."""
    prefix = Environment.model_config["env_prefix"]
    return f"{prefix}{place.upper()}" if place in Environment.model_fields else place
