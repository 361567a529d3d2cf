"""Derive key/type schemas from sample answers: which keys there are, and of which types.

    python -m tests.support.derive_schemas SAMPLES tests/contracts/schemas

reads the `*.json` files named in `WANTED` from a folder of recorded answers and writes a JSON
Schema for each. No text of a sample gets into a schema.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

WANTED = {
    "archives": "archives",
    "archives-uri": "archives-uri",
    "datasets": "datasets",
    "datasets-uri": "datasets-uri",
    "catalogs": "catalogs",
    "parameter-mapping": "parameter-mapping",
    "configuration-navbar": "configuration-navbar",
    "configuration-astron_vo": "configuration-archive",
    "configuration-esap_ivoa": "configuration-esap_ivoa",
    "configuration-multiple_archives": "configuration-multiple_archives",
    "m-get-sky-coordinates": "get-sky-coordinates",
    "m-get-tables-fields": "get-tables-fields",
    "m-query-astron_vo": "query-rows",
    "m-query-ivoa": "query-adql",
    "accounts-root": "accounts-root",
    "user-profiles": "empty-page",
    "s-user-profiles": "user-profiles",
    "s-user-profiles-detail": "profile",
    "job-get": "uws-job",
    "job-list": "uws-jobs",
}
"""The samples used, and what their schemas are called."""

ALSO = {
    "requested_page_size": "string",
    "url_field": "null",
    "thumbnail_field": "string",
    "ucd": "string",
    "utype": "string",
    "errorSummary": "string",
    "jobId": "string",  # a UUID; the published gateway counted
}
"""Types that the interface is known to use too, besides those the samples happen to show."""

_TYPES: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


def schema_of(samples: Iterable[Any], key: str = "") -> dict[str, Any]:
    """Return the narrowest schema of types and keys that all samples fit.

    Keys that every sample has are required. An integer is a number where another sample has one.
    """
    samples = list(samples)
    objects = [sample for sample in samples if isinstance(sample, dict)]
    arrays = [sample for sample in samples if isinstance(sample, list)]
    plain = {_TYPES[type(sample)] for sample in samples if type(sample) in _TYPES}
    plain |= {ALSO[key]} if key in ALSO else set()
    if "number" in plain:
        plain -= {"integer"}
    types = sorted(plain | ({"object"} if objects else set()) | ({"array"} if arrays else set()))
    schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    if objects:
        names = list(dict.fromkeys(name for sample in objects for name in sample))
        schema["required"] = sorted(set.intersection(*(set(sample) for sample in objects)))
        schema["properties"] = {
            name: schema_of((sample[name] for sample in objects if name in sample), name)
            for name in names
        }
    members = [member for sample in arrays for member in sample]
    if members:
        schema["items"] = schema_of(members)
    return schema


def main(samples: Path, schemas: Path) -> None:
    """Write the schema of every wanted sample."""
    for sample, name in WANTED.items():
        answer = json.loads((samples / f"{sample}.json").read_text(encoding="utf-8"))
        written = json.dumps(schema_of([answer]), indent=1, sort_keys=True)
        (schemas / f"{name}.json").write_text(written + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
