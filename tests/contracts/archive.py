"""What every archive promises, whatever it speaks. A new backend inherits these tests.

A subclass gives the fixtures `archive`, `known` (what that archive holds) and `endless` (an archive
and a query that would take minutes); one of a remote archive also `unreachable`.
"""

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
import pytest

from esap.backends.deadline import within
from esap.errors import (
    BackendTimedOut,
    BackendUnavailable,
    Cancelled,
    InvalidRequest,
    QueryRejected,
)
from query.adql import Cone
from query.backends.base import Archive, Criterion, Query, Selection

PLENTY = 100_000


@dataclass(frozen=True)
class Known:
    """What is known, from elsewhere, of a table of an archive.

    `row` is one row, found by its first column. `text` is a column, a value and how many rows have
    it; `fragment` a column, a part of a text in another case, and how many rows contain it;
    `number` a column, a bound, and how many rows are at most and at least that.
    """

    table: str
    position: tuple[str, str]
    cone: Cone
    rows_in_cone: int
    row: Mapping[str, object]
    text: tuple[str, str, int]
    fragment: tuple[str, str, int]
    number: tuple[str, float, int, int]
    units_and_ucds: Mapping[str, tuple[str | None, str | None]]

    @property
    def everything(self) -> Selection:
        return Selection(self.table, limit=PLENTY)

    @property
    def in_cone(self) -> Selection:
        return replace(self.everything, cone=self.cone, position=self.position)

    def where(self, column: str, op: str, value: object) -> Selection:
        return replace(self.everything, criteria=(Criterion("asked", column, op, value),))


def ask(archive: Archive, selection: Selection) -> tuple[pa.Table, bool]:
    """Return the rows, and whether there were more."""
    stream = archive.run(archive.phrase(selection))
    rows = stream.read_all()
    return rows, stream.overflow


class ArchiveContract:
    """Promises of every archive."""

    def test_a_well_archive_says_so(self, archive):
        archive.ping()

    def test_a_cone_gives_exactly_its_rows(self, archive, known):
        rows, overflow = ask(archive, known.in_cone)

        assert rows.num_rows == known.rows_in_cone
        assert not overflow
        ra, dec = (rows[name].to_pylist() for name in known.position)
        assert all(
            _separation(known.cone, *place) <= known.cone.radius
            for place in zip(ra, dec, strict=True)
        )

    def test_a_limit_of_exactly_the_rows_is_no_overflow(self, archive, known):
        selection = replace(known.in_cone, limit=known.rows_in_cone)

        rows, overflow = ask(archive, selection)

        assert rows.num_rows == known.rows_in_cone
        assert not overflow

    def test_a_limit_of_one_row_less_is_an_overflow(self, archive, known):
        selection = replace(known.in_cone, limit=known.rows_in_cone - 1)

        rows, overflow = ask(archive, selection)

        assert rows.num_rows == known.rows_in_cone - 1
        assert overflow

    def test_a_cone_without_anything_gives_columns_and_no_rows(self, archive, known):
        elsewhere = Cone((known.cone.ra + 180) % 360, -known.cone.dec, 1e-6)

        rows, overflow = ask(archive, replace(known.in_cone, cone=elsewhere))

        assert rows.num_rows == 0
        assert set(known.row) <= set(rows.column_names)
        assert not overflow

    def test_a_row_arrives_value_by_value(self, archive, known):
        column, value = next(iter(known.row.items()))

        rows, _ = ask(archive, known.where(column, "=", value))

        assert rows.select(list(known.row)).to_pylist() == [known.row]

    def test_columns_arrive_with_units_and_ucds(self, archive, known):
        stream = archive.run(archive.phrase(known.in_cone))

        columns = {column.name: column for column in stream.columns}
        stream.close()

        assert {
            name: (columns[name].unit, columns[name].ucd) for name in known.units_and_ucds
        } == known.units_and_ucds

    def test_only_the_columns_asked_for_arrive(self, archive, known):
        wanted = tuple(known.row)[:2]

        rows, _ = ask(archive, replace(known.in_cone, columns=wanted))

        assert tuple(rows.column_names) == wanted

    def test_equals_finds_the_rows_with_the_value(self, archive, known):
        column, value, count = known.text

        rows, _ = ask(archive, known.where(column, "=", value))

        assert rows.num_rows == count
        assert set(rows[column].to_pylist()) == {value}

    def test_contains_finds_a_part_of_a_text_in_any_case(self, archive, known):
        column, fragment, count = known.fragment

        rows, _ = ask(archive, known.where(column, "contains", fragment))

        assert rows.num_rows == count

    def test_at_most_and_at_least_include_the_bound(self, archive, known):
        column, bound, at_most, at_least = known.number

        low, _ = ask(archive, known.where(column, "<=", bound))
        high, _ = ask(archive, known.where(column, ">=", bound))

        assert (low.num_rows, high.num_rows) == (at_most, at_least)
        assert max(low[column].to_pylist()) <= bound <= min(high[column].to_pylist())

    def test_criteria_must_all_be_met(self, archive, known):
        column, value, _ = known.text
        selection = replace(known.where(column, "=", value), cone=known.cone)
        selection = replace(selection, position=known.position)

        rows, _ = ask(archive, selection)

        everything, _ = ask(archive, known.in_cone)
        assert rows.num_rows == everything[column].to_pylist().count(value)

    @pytest.mark.parametrize("op", ["=", "contains"])
    @pytest.mark.parametrize(
        "value",
        [
            "x' OR 1=1 --",
            "x' OR ''='",
            "x'; DROP TABLE students; --",
            "x' UNION SELECT * FROM TAP_SCHEMA.tables --",
            "x'' OR 1=1 --",
            '" OR 1=1 --',
            "/* no */ x",
            "Ünknøwn ☉ \U0001d54f",
            "x\u2019 OR 1=1 --",
        ],
    )
    def test_a_hostile_value_finds_nothing(self, archive, known, value, op):
        column, _, _ = known.text

        rows, overflow = ask(archive, known.where(column, op, value))

        assert rows.num_rows == 0
        assert not overflow

    @pytest.mark.parametrize("value", ["x\\' OR 1=1 --", "x\x00", "x\nOR 1=1", "x\x1b"])
    def test_a_value_that_cannot_be_sent_is_refused_at_once(self, archive, known, value):
        column, _, _ = known.text

        with pytest.raises(InvalidRequest):
            archive.phrase(known.where(column, "=", value))

    @pytest.mark.parametrize(
        "name", ["x; DROP TABLE students", 'x" OR 1=1 --', "", "a.b.c.d", "x\n"]
    )
    def test_a_hostile_name_finds_nothing(self, archive, known, name):
        refused = (InvalidRequest, QueryRejected)

        with pytest.raises(refused):
            ask(archive, known.where(name, "=", "x"))
        with pytest.raises(refused):
            ask(archive, replace(known.everything, table=name))
        with pytest.raises(refused):
            ask(archive, replace(known.everything, columns=(name,)))

    def test_its_tables_are_listed_with_their_columns(self, archive, known):
        tables = {table.name: table for table in archive.tables()}

        columns = {column.name: column for column in tables[known.table].columns}

        assert set(known.row) <= set(columns)
        assert {
            name: (columns[name].unit, columns[name].ucd) for name in known.units_and_ucds
        } == known.units_and_ucds

    def test_a_query_at_fault_is_rejected_with_a_sentence(self, archive, known):
        query = Query(f"SELECT no_such_column FROM {known.table}", limit=10)  # noqa: S608

        with pytest.raises(QueryRejected) as caught:
            archive.run(query).read_all()

        assert "no_such_column" in caught.value.detail

    def test_a_stream_may_be_closed_before_its_end_and_again(self, archive, known):
        stream = archive.run(archive.phrase(known.everything))
        next(iter(stream))

        stream.close()
        stream.close()

        assert ask(archive, known.in_cone)[0].num_rows == known.rows_in_cone

    def test_a_stream_may_be_closed_unread(self, archive, known):
        archive.run(archive.phrase(known.everything)).close()

        assert ask(archive, known.in_cone)[0].num_rows == known.rows_in_cone

    def test_an_endless_query_ends_at_the_deadline(self, endless):
        archive, query = endless
        began = time.monotonic()

        with pytest.raises(BackendTimedOut), within(1.0):
            archive.run(query).read_all()

        assert 1.0 <= time.monotonic() - began < 2.0

    def test_an_endless_query_ends_when_it_is_cancelled(self, endless):
        archive, query = endless

        with within(60) as scope:
            cancel = threading.Timer(0.5, scope.cancel)
            cancel.start()
            began = time.monotonic()
            with pytest.raises(Cancelled):
                archive.run(query).read_all()
            took = time.monotonic() - began

        assert took < 1.0
        cancel.join()


class RemoteArchiveContract(ArchiveContract):
    """Promises of an archive across a network."""

    def test_an_archive_that_cannot_be_reached_is_unavailable(self, unreachable, known):
        with pytest.raises(BackendUnavailable):
            unreachable.run(unreachable.phrase(known.in_cone))
        with pytest.raises(BackendUnavailable):
            unreachable.ping()
        with pytest.raises(BackendUnavailable):
            unreachable.tables()


def _separation(cone: Cone, ra: float, dec: float) -> float:
    """Return the distance from the cone's centre in degrees, by the haversine."""
    ra1, dec1, ra2, dec2 = map(math.radians, (cone.ra, cone.dec, ra, dec))
    half = (
        math.sin((dec2 - dec1) / 2) ** 2
        + math.cos(dec1) * math.cos(dec2) * math.sin((ra2 - ra1) / 2) ** 2
    )
    return math.degrees(2 * math.asin(math.sqrt(half)))
