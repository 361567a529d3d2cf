"""Write the reference pages that follow from the code."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from pydantic import AliasChoices

from esap.api.views import problem_classes
from esap.settings.env import BASE_DIR, Environment

__all__ = ["problems_page", "settings_page"]


_SETTINGS = (
    "The gateway is configured by environment variables. Lists are written with commas or spaces. "
    "A value that does not convert stops the start."
)
_PROBLEMS = (
    "Every failed request answers with a problem document (RFC 9457, `application/problem+json`): "
    "`type`, `title`, `status`, `detail` (a sentence that says what to do), `slug`, `retryable`, "
    "`instance`, and what else helps, such as `errors` by field. What happens at an archive is not "
    "a problem of the search: it stands in the answer's `problems`, under the same slugs."
)


class Command(BaseCommand):
    """Write docs/reference/{settings,problems}.md and openapi.yaml."""

    help = "Write the reference pages that follow from the code (settings, problems, OpenAPI)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Let the pages go elsewhere, to be compared."""
        parser.add_argument("--to", type=Path, default=BASE_DIR / "docs" / "reference")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write all three."""
        folder: Path = options["to"]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "settings.md").write_text(settings_page(), encoding="utf-8")
        (folder / "problems.md").write_text(problems_page(), encoding="utf-8")
        call_command(
            "spectacular", file=str(folder / "openapi.yaml"), validate=True, fail_on_warn=True
        )
        self.stdout.write(f"Wrote settings.md, problems.md and openapi.yaml to {folder}.")


def settings_page() -> str:
    """Return the page of all settings."""
    lines = [
        "# Settings",
        "",
        _SETTINGS,
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Environment.model_fields.items():
        alias = field.validation_alias
        variable = alias.choices[0] if isinstance(alias, AliasChoices) else f"ESAP_{name.upper()}"
        lines.append(f"| `{variable}` | {_shown(field.default)} | {field.description} |")
    return "\n".join([*lines, ""])


def _shown(default: object) -> str:
    if isinstance(default, Path):
        default = default.relative_to(BASE_DIR)
    if default in ("", None, []):
        return ""
    return f"`{' '.join(default) if isinstance(default, list) else default}`"


def problems_page() -> str:
    """Return the page of all problems."""
    lines = [
        "# Problems",
        "",
        _PROBLEMS,
        "",
        "| slug | status | try again? | meaning |",
        "|---|---|---|---|",
    ]
    for cls in problem_classes():
        meaning = (cls.__doc__ or "").strip().partition("\n\n")[0].replace("\n    ", " ")
        again = "yes" if cls.retryable else "no"
        lines.append(f"| `{cls.slug}` | {cls.status.value} | {again} | {meaning} |")
    return "\n".join([*lines, ""])
