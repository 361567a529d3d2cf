"""How Sphinx builds these pages: offline, and any warning fails the build."""

import tomllib
from pathlib import Path

_PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]

project = "ESAP API Gateway"
author = "the ESAP working groups"
release = version = _PROJECT["version"]
copyright = "the ESAP working groups, Apache-2.0"  # noqa: A001  Sphinx names it so

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
# GitHub's anchors, so that links within and between pages work in both places.
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"{project} {release}"
html_show_sphinx = False
