"""Where results of jobs are stored in a test: a folder of its own."""

from pathlib import Path
from typing import Any

__all__ = ["results_in"]


def results_in(settings: Any, folder: Path) -> Path:
    """Have results stored below this folder, and sorted there; return where they are."""
    settings.STORAGES = {
        **settings.STORAGES,
        "results": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": folder / "results"},
        },
    }
    settings.SCRATCH_DIR = folder / "scratch"
    return folder / "results"
