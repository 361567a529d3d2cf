"""Letters as operators see them: to look at."""

from django.contrib import admin

from esap.api.admin import ReadOnly
from esap.mail.models import Letter

__all__ = ["LetterAdmin"]


@admin.register(Letter)
class LetterAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """All letters, and how it went to send them."""

    list_display = ("id", "job", "created", "due", "delivered")
    list_filter = (
        ("due", admin.EmptyFieldListFilter),
        ("delivered", admin.EmptyFieldListFilter),
    )
    list_select_related = ("job",)
    search_fields = ("id", "job__id", "job__owner__username")
