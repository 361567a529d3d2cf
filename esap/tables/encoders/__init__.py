"""The formats a table can leave in, by name."""

from esap.tables.encoders.arrow_files import Arrow, Parquet
from esap.tables.encoders.base import Encoder, Footer
from esap.tables.encoders.csv_lines import Csv
from esap.tables.encoders.json_columns import JsonColumns
from esap.tables.encoders.json_rows import JsonRows, Ndjson
from esap.tables.encoders.votable_binary import VotableBinary
from esap.tables.encoders.votable_text import VotableText

__all__ = ["ENCODERS", "Encoder", "Footer"]

ENCODERS: dict[str, Encoder] = {
    encoder.name: encoder
    for encoder in (
        JsonRows(),
        JsonColumns(),
        Ndjson(),
        Csv(),
        VotableBinary(),
        VotableText(),
        Parquet(),
        Arrow(),
    )
}
