"""A bucket that speaks S3, as Django's storage of results."""

from typing import IO

from botocore.exceptions import ClientError
from storages.backends.s3 import S3Storage

__all__ = ["Bucket"]


class Bucket(S3Storage):  # type: ignore[misc]  # django-storages has no types
    """django-storages' bucket, with what it lacks: one call that tells of an object."""

    def state(self, name: str) -> tuple[str, int]:
        """Return which version of an object there is, and its size; `FileNotFoundError` if none."""
        try:
            found = self.bucket.Object(self._normalize_name(name))
            return found.e_tag.strip('"'), found.content_length
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                raise FileNotFoundError(name) from error
            raise

    def fetch(self, name: str, file: IO[bytes]) -> None:
        """Write an object into a file here, piece by piece."""
        self.bucket.Object(self._normalize_name(name)).download_fileobj(
            file, Config=self.transfer_config
        )
