"""A few small entries for tests, and how to have them configured."""

from pathlib import Path
from typing import Any

SAMPLE = """
query:
  mappings:
    - id: obscore
      number: 6
      parameters:
        title: obs_title
        target: target_name
        ra: s_ra
        dec: s_dec
        collection: obs_collection
        dataproduct_type: dataproduct_type
        dataproduct_level: {column: calib_level, value: number}
        startdate: {column: t_max, op: ">=", value: mjd}
    - id: text
      number: 7
      parameters: {title: name}
  archives:
    - id: north
      number: 1
      order: 2
      type: tap
      title: Northern archive
      url: https://north.example.org/tap/
      description: Pictures of the northern sky.
      documentation_url: https://north.example.org/help
      institute: Boreas
      mapping: obscore
      datasets:
        - {id: north-red, number: 11, name: Red, table: ivoa.obscore, collection: red,
           level: processed, category: imaging}
        - {id: north-blue, number: 12, name: Blue, table: ivoa.obscore, collection: blue,
           level: raw, category: imaging, columns: [obs_title, s_ra], title_field: obs_title}
    - id: south
      number: 2
      order: 1
      type: tap
      title: Southern archive
      url: http://south.example.org/tap
      institute: Auster
      mapping: text
      catalog: {id: south-tap, number: 36, name: The South, user_url: http://south.example.org/}
      datasets:
        - {id: south-names, number: 13, name: Names, table: names}
    - id: hidden
      number: 3
      order: 3
      visible: false
      type: tap
      title: Hidden archive
      url: https://hidden.example.org/tap
      mapping: obscore
      datasets:
        - {id: hidden-all, number: 14, name: All of it, table: ivoa.obscore}
  menus:
    - id: navbar
      frontend_basename: sky
      items: [{title: Archives, route: /archives}, {title: Search, route: /query}]
"""


def configure(settings: Any, folder: Path, text: str = SAMPLE) -> Path:
    """Have only these entries configured; return their file."""
    file = folder / "entries.yaml"
    file.write_text(text, encoding="utf-8")
    settings.ENTRY_FILES = [file]
    return file
