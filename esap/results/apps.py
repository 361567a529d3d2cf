"""The results app."""

from django.apps import AppConfig


class ResultsConfig(AppConfig):
    """What jobs made, as tables that can be paged, sorted, filtered and downloaded."""

    name = "esap.results"
    label = "results"
