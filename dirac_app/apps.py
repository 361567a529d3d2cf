"""The dirac_app app."""

from django.apps import AppConfig


class DiracConfig(AppConfig):
    """Run jobs on the grid with DIRAC."""

    name = "dirac_app"
