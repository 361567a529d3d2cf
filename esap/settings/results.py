"""Where the results of jobs are stored: a folder, or a bucket that speaks S3."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from esap.settings.env import Environment

__all__ = ["results_storage"]


def results_storage(env: Environment, data_dir: Path) -> dict[str, Any]:
    """Return Django's storage of results, as STORAGES has it."""
    if not env.results_url:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": data_dir / "results", "base_url": None},
        }
    if find_spec("boto3") is None:
        raise ImproperlyConfigured(
            "ESAP_RESULTS_URL names a bucket, which takes boto3: pip install -r requirements-s3.txt"
        )
    place = urlsplit(env.results_url)
    return {
        "BACKEND": "esap.results.bucket.Bucket",
        "OPTIONS": {
            "bucket_name": place.netloc,
            "location": place.path.strip("/"),
            "endpoint_url": env.s3_endpoint or None,
            "region_name": env.s3_region or None,
            "access_key": env.s3_access_key or None,
            "secret_key": env.s3_secret_key or None,
            "file_overwrite": True,
            "client_config": _client_config(env),
        },
    }


def _client_config(env: Environment) -> Any:
    """Return how boto3 calls: soon tired, and by the gateway's own proxy or none."""
    from botocore.config import Config  # noqa: PLC0415 - it is there only where a bucket is

    proxied = bool(env.http_proxy) and not env.s3_endpoint
    return Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 3},
        # A server of one's own has no host name for each bucket.
        s3={"addressing_style": "path" if env.s3_endpoint else "auto"},
        # Else HTTP_PROXY counts, which nothing else of the gateway reads.
        proxies={"http": env.http_proxy, "https": env.http_proxy} if proxied else {},
        # Servers that are not Amazon's do not all know its newer checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
