"""The shapes that cross the search API, for the schema and the browsable page."""

from typing import Any

from rest_framework import serializers

from esap.jobs.serializers import ResultSerializer

__all__ = [
    "HistorySerializer",
    "OutcomeSerializer",
    "SearchSerializer",
    "SearchedPageSerializer",
    "SearchedSerializer",
]

_AS_LINE = {"base_template": "input.html", "input_type": "text"}
_AS_LINES = {"base_template": "textarea.html"}
"""How the form of the browsable page shows what it has no field for, or too small a one."""


class SearchSerializer(serializers.Serializer[Any]):
    """A search: what to look for, where, and how much of it.

    Besides these keys, every parameter that a mapping knows may be given (see
    `query/parameter-mapping`), such as `dataproduct_type` or `instrument`.
    """

    target = serializers.CharField(
        required=False, help_text="Name of an object; resolved to a position unless one is given."
    )
    position = serializers.CharField(
        required=False,
        help_text='Position in one text: "83.63 22.01", "05:34:31.9 +22:00:52", '
        '"l=184.56 b=-5.78".',
    )
    ra = serializers.CharField(
        required=False, help_text="Right ascension (ICRS): degrees, or sexagesimal hours."
    )
    dec = serializers.CharField(
        required=False, help_text="Declination (ICRS): degrees, or sexagesimal degrees."
    )
    fov = serializers.FloatField(
        required=False,
        min_value=0,
        max_value=180,
        help_text="Radius of the cone in degrees; 0.1 unless you say.",
    )
    collection = serializers.CharField(required=False, help_text="Collection, or part of its name.")
    level = serializers.CharField(required=False, help_text="Processing level of datasets.")
    category = serializers.CharField(required=False, help_text="Category of datasets.")
    institute = serializers.CharField(required=False, help_text="Institute of archives.")
    archives = serializers.ListField(
        child=serializers.SlugField(),
        required=False,
        help_text="Archives to ask, by id; all, if none. In a form, with commas between.",
        initial=None,
        style=_AS_LINE,
    )
    datasets = serializers.ListField(
        child=serializers.SlugField(),
        required=False,
        help_text="Datasets to ask, by id; all, if none. In a form, with commas between.",
        initial=None,
        style=_AS_LINE,
    )
    limit = serializers.IntegerField(
        required=False, min_value=1, help_text="Most rows of each dataset; 1000 unless you say."
    )
    timeout = serializers.FloatField(
        required=False, help_text="Seconds that each archive has to answer."
    )
    mode = serializers.ChoiceField(
        choices=["sync", "async"],
        required=False,
        allow_blank=True,
        help_text="How archives are asked; by default as the entry and the timeout suggest.",
    )
    adql = serializers.CharField(
        required=False,
        help_text="For experts: ADQL for the one archive named in `archives`.",
        style=_AS_LINES,
    )


class OutcomeSerializer(serializers.Serializer[Any]):
    """How one dataset answered: data of a search, whatever happened."""

    archive = serializers.CharField()
    dataset = serializers.CharField(help_text="Empty for an expert's own ADQL.")
    status = serializers.ChoiceField(
        choices=["ok", "empty", "overflow", "timeout", "refused", "error", "cancelled"]
    )
    detail = serializers.CharField(help_text="A sentence that says what happened.")
    rows = serializers.IntegerField()
    elapsed = serializers.FloatField(help_text="Seconds.")
    query = serializers.CharField(help_text="What was sent, so that it can be repeated.")
    url = serializers.CharField(help_text="Where it was sent.")
    slug = serializers.CharField(help_text="The problem's slug, or empty.")
    retryable = serializers.BooleanField()
    title = serializers.CharField(required=False, help_text="The archive's name.")
    protocol = serializers.CharField(
        required=False, help_text="How it was asked, such as IVOA TAP; empty for our own files."
    )
    language = serializers.CharField(required=False, help_text="Of the query.")
    started = serializers.CharField(required=False, help_text="When it was asked (ISO 8601).")
    ended = serializers.CharField(required=False, help_text="When it had answered (ISO 8601).")


class AskedSerializer(serializers.Serializer[Any]):
    """A dataset that is asked."""

    archive = serializers.CharField()
    dataset = serializers.CharField()


class ContinuedSerializer(serializers.Serializer[Any]):
    """The search that a worker makes of the archives that did not answer in time."""

    search = serializers.UUIDField(allow_null=True, help_text="Its id; null if it was refused.")
    job = serializers.CharField(allow_null=True, help_text="Address of its job.")
    events = serializers.CharField(allow_null=True, help_text="Address of its events (SSE).")
    asked = AskedSerializer(many=True, help_text="Whom it asks: those that were late.")
    detail = serializers.CharField(help_text="A sentence that says so, or why not.")


class SearchedSerializer(serializers.Serializer[Any]):
    """What is known of a search: its question, and how each dataset answered."""

    id = serializers.UUIDField()
    phase = serializers.CharField(help_text="The phase of its job (IVOA UWS 1.1).")
    asked = serializers.JSONField(help_text="The search as it was sent.")
    created = serializers.DateTimeField()
    ended = serializers.DateTimeField(allow_null=True)
    archives = OutcomeSerializer(many=True)
    job = serializers.CharField(help_text="Address of the job.")
    events = serializers.CharField(help_text="Address of its events (SSE), if a worker has it.")
    results = ResultSerializer(many=True, help_text="Its stored tables, that of all rows first.")
    provenance = serializers.CharField(help_text="Address of its record as W3C PROV-JSON.")
    continued = ContinuedSerializer(
        allow_null=True, help_text="What a worker goes on with, if archives were too slow."
    )


class HistorySerializer(serializers.Serializer[Any]):
    """What the list of searches can be asked for."""

    text = serializers.CharField(
        required=False, max_length=200, help_text="Part of what was asked, whatever its case."
    )
    limit = serializers.IntegerField(required=False, min_value=1, max_value=200)
    cursor = serializers.CharField(required=False)


class SearchedPageSerializer(serializers.Serializer[Any]):
    """One page of searches, and where the next is."""

    results = SearchedSerializer(many=True)
    next = serializers.URLField(allow_null=True)
