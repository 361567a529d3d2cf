"""The embedded catalogues answer as the sky is, and let no query do harm."""

import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import example, given
from hypothesis import strategies as st

from esap.backends.deadline import Scope, within
from esap.errors import BackendTimedOut, BackendUnavailable, QueryRejected
from esap.tables.columns import Column
from query.adql import Cone
from query.backends.base import Query, Selection, archives
from query.backends.embedded import EmbeddedArchive
from tests.support.catalogues import embedded
from tests.support.properties import COSTLY
from tests.support.sample_archives import configure

ALCYONE = 66714384142368256


def ask(adql, limit=1_000_000):
    return embedded().run(Query(adql, limit)).read_all()


def count(where, table="gaia.stars"):
    return ask(f"SELECT COUNT(*) AS n FROM {table} WHERE {where}")["n"][0].as_py()  # noqa: S608


@pytest.fixture(scope="module")
def sky():
    """All stars of Hipparcos, as astropy has them."""
    stars = ask("SELECT hip, ra, dec FROM hipparcos.stars")
    return stars["hip"].to_numpy(), SkyCoord(
        stars["ra"].to_numpy(), stars["dec"].to_numpy(), unit="deg"
    )


def cone(ra, dec, radius):
    """Return the Hipparcos numbers of the stars in a cone."""
    selection = Selection(
        "hipparcos.stars", 1_000_000, Cone(ra, dec, radius), ("ra", "dec"), columns=("hip",)
    )
    return embedded().run(embedded().phrase(selection)).read_all()["hip"].to_numpy()


class TestTheSky:
    def test_the_pleiades_have_their_stars(self):
        archive = embedded()
        selection = Selection("gaia.stars", 1000, Cone(56.75, 24.12, 1), ("ra", "dec"))

        stream = archive.run(archive.phrase(selection))
        stars = stream.read_all()

        assert stars.num_rows == 112
        assert not stream.overflow
        brightest = max(stars.to_pylist(), key=lambda star: -star["phot_g_mean_mag"])
        assert brightest["source_id"] == ALCYONE
        assert round(brightest["phot_g_mean_mag"], 2) == 2.90

    @COSTLY
    @given(
        st.floats(0, 360), st.floats(-90, 90), st.floats(0.01, 5) | st.sampled_from([90.0, 180.0])
    )
    @example(0.0, 0.0, 3.0)
    @example(360.0, 45.0, 3.0)
    @example(359.9, -10.0, 3.0)
    @example(12.0, 90.0, 3.0)
    @example(12.0, -90.0, 3.0)
    @example(200.0, 88.5, 3.0)
    @example(120.0, -89.0, 10.0)
    @example(10.0, 20.0, 179.5)
    def test_a_cone_has_the_stars_that_astropy_finds(self, sky, ra, dec, radius):
        hip, stars = sky
        away = stars.separation(SkyCoord(ra, dec, unit="deg")).deg

        found = cone(ra, dec, radius)

        # On the very edge, rounding decides.
        assert not len(np.setdiff1d(hip[away <= radius - 1e-9], found))
        assert not len(np.setdiff1d(found, hip[away <= radius + 1e-9]))

    def test_distances_are_those_of_astropy(self, sky):
        hip, stars = sky

        rows = ask(
            "SELECT hip, DISTANCE(POINT('ICRS', ra, dec), POINT('ICRS', 359.5, -89.25)) AS d, "
            "DISTANCE(ra, dec, 10, 20) AS e FROM hipparcos.stars"
        )

        assert rows["hip"].to_pylist() == hip.tolist()
        for name, place in (("d", (359.5, -89.25)), ("e", (10, 20))):
            theirs = stars.separation(SkyCoord(*place, unit="deg")).deg
            assert abs(rows[name].to_numpy() - theirs).max() < 1e-12

    @pytest.mark.parametrize(
        ("polygon", "corners"),
        [
            ("POLYGON(80, 20, 90, 20, 90, 25, 80, 25)", [(80, 20), (90, 20), (90, 25), (80, 25)]),
            ("POLYGON(80, 25, 90, 25, 90, 20, 80, 20)", [(80, 20), (90, 20), (90, 25), (80, 25)]),
            ("POLYGON('ICRS', 355, -5, 5, -5, 0, 7)", [(355, -5), (5, -5), (0, 7)]),
            (
                "POLYGON(POINT(0, 80), POINT(120, 80), POINT(240, 80))",
                [(0, 80), (120, 80), (240, 80)],
            ),
        ],
    )
    def test_a_polygon_has_great_circles_for_sides(self, sky, polygon, corners):
        _, stars = sky
        corners = SkyCoord(corners, unit="deg").cartesian
        sides = [corners[i].cross(corners[(i + 1) % len(corners)]) for i in range(len(corners))]
        points = stars.cartesian
        inside = sum(
            (u.Quantity(side.dot(points)).value >= 0).astype(int) for side in sides
        ) == len(sides)

        found = count(f"1 = CONTAINS(POINT(ra, dec), {polygon})", "hipparcos.stars")

        assert found == inside.sum() > 0

    @pytest.mark.parametrize(
        ("ra", "dec", "width", "height"),
        [(10, 0, 4, 2), (0, 60, 10, 6), (30, 89.5, 8, 8), (200, -45, 1, 20)],
    )
    def test_a_box_is_a_cross_with_sides_at_right_angles(self, sky, ra, dec, width, height):
        _, stars = sky
        # On the tangent plane the sides of the cross are straight, and parallel to its arms.
        centre = SkyCoord(ra, dec, unit="deg")
        frame = stars.transform_to(centre.skyoffset_frame())
        x, y, z = frame.cartesian.xyz.value
        half = [math.radians(size / 2) for size in (width, height)]
        inside = (x > 0) & (abs(y / x) <= math.tan(half[0])) & (abs(z / x) <= math.tan(half[1]))

        box = f"BOX('ICRS', {ra}, {dec}, {width}, {height})"

        found = count(f"1 = CONTAINS(POINT(ra, dec), {box})", "hipparcos.stars")
        assert found == inside.sum() > 0

    @pytest.mark.parametrize(
        ("condition", "rows"),
        [
            ("1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 56.75, 24.12, 1))", 112),
            ("CONTAINS(POINT(ra, dec), CIRCLE(56.75, 24.12, 1)) = 1", 112),
            ("CONTAINS(POINT(ra, dec), CIRCLE(POINT(56.75, 24.12), 1)) != 0", 112),
            ("1 = INTERSECTS(CIRCLE(56.75, 24.12, 1), POINT(ra, dec))", 112),
            ("1 = INTERSECTS(POINT(ra, dec), CIRCLE(56.75, 24.12, 1))", 112),
            ("CONTAINS(POINT(ra, dec), CIRCLE(56.75, 24.12, 1)) > 0.5", 112),
            ("DISTANCE(POINT(ra, dec), POINT(56.75, 24.12)) <= 1", 112),
            ("0 = CONTAINS(POINT(ra, dec), CIRCLE(56.75, 24.12, 1))", 482_176 - 112),
            ("1 <> CONTAINS(POINT(ra, dec), CIRCLE(56.75, 24.12, 1))", 482_176 - 112),
            ("1 = CONTAINS(CIRCLE(ra, dec, 0.5), CIRCLE(56.75, 24.12, 1.5))", 112),
            ("1 = INTERSECTS(CIRCLE(ra, dec, 0.5), CIRCLE(56.75, 24.12, 0.5))", 112),
        ],
    )
    def test_a_cone_may_be_written_in_many_ways(self, condition, rows):
        assert count(condition) == rows

    def test_catalogues_can_be_matched_by_position(self):
        # Alcyone is the 17702nd star of Hipparcos.
        pairs = ask(
            "SELECT h.hip FROM gaia.stars g, hipparcos.stars h "
            "WHERE 1 = CONTAINS(POINT(g.ra, g.dec), CIRCLE(h.ra, h.dec, 0.001)) "
            "AND g.source_id = 66714384142368256"
        )

        assert pairs["hip"].to_pylist() == [17702]

    def test_the_area_of_a_circle_is_that_of_a_cap(self):
        areas = ask(
            "SELECT TOP 1 AREA(CIRCLE(0, 0, 180)) AS sky, AREA(CIRCLE(ra, dec, 1)) AS cone, "
            "COORD1(POINT(10, 20)) AS x, COORD2(POINT('ICRS', 10, 20)) AS y FROM gaia.stars"
        )

        assert areas["sky"][0].as_py() == pytest.approx(41252.96)
        assert areas["cone"][0].as_py() == pytest.approx(3.1415, abs=1e-3)
        assert (areas["x"][0].as_py(), areas["y"][0].as_py()) == (10, 20)

    @pytest.mark.parametrize(
        ("geometry", "said"),
        [
            ("CIRCLE(1, 2)", "write CIRCLE(ra, dec, radius)"),
            ("CIRCLE(1, 2, -3)", "from 0 to 180 degrees, not -3"),
            ("CIRCLE('GALACTIC', 1, 2, 3)", "in ICRS here, not in GALACTIC"),
            ("POLYGON(1, 2, 3, 4)", "write POLYGON(ra1, dec1"),
            ("POLYGON(0, 0, 10, 0, 5, 1, 5, 10)", "bulge outwards"),
            ("POLYGON(ra, 0, 10, 0, 5, 1)", "write POLYGON(ra1, dec1"),
            ("POLYGON(0, 0, 120, 0, 240, 0)", "within one half of the sky"),
            ("BOX(1, 2, 3)", "write BOX(ra, dec, width, height)"),
            ("BOX(1, 2, 3, 200)", "from 0 to 180 degrees"),
            ("POINT(1, 2)", "a POINT may be compared with"),
            ("ra", "is not a geometry"),
            ("REGION('Circle 1 2 3')", "no function REGION"),
        ],
    )
    def test_a_geometry_at_fault_is_rejected_with_a_sentence(self, geometry, said):
        with pytest.raises(QueryRejected) as rejected:
            count(f"1 = CONTAINS(POINT(ra, dec), {geometry})")

        assert said in rejected.value.detail

    def test_a_geometry_cannot_be_a_column(self):
        with pytest.raises(QueryRejected, match="cannot stand by itself"):
            ask("SELECT POINT(ra, dec) FROM gaia.stars")


class TestColumns:
    @pytest.mark.parametrize(
        ("adql", "units"),
        [
            ("SELECT ra AS alpha, pmra FROM gaia.stars", {"alpha": "deg", "pmra": "mas/yr"}),
            ("SELECT x FROM (SELECT plx AS x FROM hipparcos.stars) q", {"x": "mas"}),
            ("WITH q (a) AS (SELECT plx FROM hipparcos.stars) SELECT q.a FROM q", {"a": "mas"}),
            ("SELECT MAX(plx) AS m, plx + 1 AS n FROM hipparcos.stars GROUP BY plx",
             {"m": "mas", "n": None}),
            ("SELECT ra FROM hipparcos.stars UNION SELECT plx FROM hipparcos.stars", {"ra": "deg"}),
            ("SELECT DISTANCE(POINT(ra, dec), POINT(1, 2)) AS d FROM gaia.stars", {"d": "deg"}),
            ("SELECT g.pmra, h.* FROM gaia.stars g JOIN hipparcos.stars h ON g.hip = h.hip",
             {"pmra": "mas/yr", "plx": "mas", "pmra_2": "mas/yr", "hp_mag": "mag"}),
            ("SELECT * FROM gaia.stars JOIN hipparcos.stars USING (hip)",
             {"ra": "deg", "ra_2": "deg", "plx": "mas", "v_i": "mag"}),
            ("SELECT gaia.stars.ra FROM gaia.stars", {"ra": "deg"}),
        ],
    )  # fmt: skip
    def test_units_follow_their_columns(self, adql, units):
        stream = embedded().run(Query(adql, 3))

        assert {c.name: c.unit for c in stream.columns if c.name in units} == units
        assert stream.read_all().num_rows == 3

    def test_everything_known_of_a_column_follows_it(self):
        stream = embedded().run(Query("SELECT ra FROM gaia.stars", 1))

        assert stream.columns == [
            Column(
                "ra",
                "double",
                unit="deg",
                ucd="pos.eq.ra;meta.main",
                description="Right ascension (ICRS, epoch J2016.0)",
            )
        ]
        stream.close()

    def test_columns_of_one_name_get_names_of_their_own(self):
        rows = ask("SELECT g.ra, h.ra FROM gaia.stars g JOIN hipparcos.stars h ON g.hip = h.hip", 1)

        assert rows.column_names == ["ra", "ra_2"]

    def test_decimal_numbers_become_doubles(self):
        rows = ask("SELECT TOP 1 1.5 AS a, SUM(hip) AS b FROM hipparcos.stars GROUP BY hip = 0")

        assert [str(field.type) for field in rows.schema] == ["double", "double"]
        assert rows.to_pylist() == [{"a": 1.5, "b": sum_of_hip()}]


def sum_of_hip():
    return float(sum(ask("SELECT hip FROM hipparcos.stars")["hip"].to_pylist()))


class TestTapSchema:
    def test_it_describes_every_table_and_itself(self):
        tables = ask("SELECT table_name FROM tap_schema.tables ORDER BY table_index")

        assert tables["table_name"].to_pylist() == [
            "gaia.stars",
            "hipparcos.stars",
            "openngc.objects",
            "openngc.identifiers",
            "tap_schema.schemas",
            "tap_schema.tables",
            "tap_schema.columns",
            "tap_schema.keys",
            "tap_schema.key_columns",
        ]
        assert [table.name for table in embedded().tables()] == tables["table_name"].to_pylist()

    def test_it_has_the_columns_as_they_are(self):
        rows = ask(
            "SELECT table_name, column_name, datatype, arraysize, unit, ucd, description "
            "FROM tap_schema.columns ORDER BY table_name, column_index"
        )

        expected = [
            (table.name, c.name, c.datatype, c.arraysize, c.unit, c.ucd, c.description)
            for table in sorted(embedded().tables(), key=lambda table: table.name)
            for c in table.columns
        ]
        assert [tuple(row.values()) for row in rows.to_pylist()] == expected

    def test_its_reserved_word_may_be_delimited(self):
        assert ask('SELECT TOP 1 "size" FROM TAP_SCHEMA.columns')["size"].to_pylist() == [None]

    def test_keys_say_what_can_be_joined(self):
        rows = ask(
            "SELECT from_table, from_column, target_table, target_column "
            "FROM tap_schema.keys JOIN tap_schema.key_columns USING (key_id)"
        )

        assert {
            "from_table": "openngc.identifiers",
            "from_column": "name",
            "target_table": "openngc.objects",
            "target_column": "name",
        } in rows.to_pylist()
        assert rows.num_rows == 6


FORK = """
import os
import django
django.setup()
from query.backends.base import Query
from tests.support.catalogues import embedded

def count():
    adql = "SELECT COUNT(*) AS n FROM gaia.stars WHERE hip = 677"
    return embedded().run(Query(adql, 1)).read_all()["n"][0].as_py()

count()
if pid := os.fork():
    status = os.waitpid(pid, 0)[1]
    print("parent", count(), status)
else:
    print("child", count(), flush=True)
    os._exit(0)
"""


class TestHarm:
    """What the parser lets through, or would if it had a hole."""

    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT * FROM read_text('/etc/passwd')",
            "SELECT * FROM '/etc/passwd'",
            "SELECT * FROM glob('/*')",
            "COPY gaia.stars TO '/tmp/esap-embedded-test.csv'",
            "ATTACH '/tmp/esap-embedded-test.db' AS x",
            "SET enable_external_access = true",
            "SET memory_limit = '10GB'",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SELECT getenv('HOME')",
        ],
    )
    def test_the_database_itself_reaches_nothing(self, sql):
        import duckdb

        with embedded()._ready()._connect() as connection, pytest.raises(duckdb.Error):
            connection.execute(sql).fetchall()

        assert not os.path.exists("/tmp/esap-embedded-test.csv")  # noqa: PTH110, S108

    def test_a_variable_of_ours_is_no_table(self):
        import duckdb

        secrets = pa.table({"secret": [1]})  # noqa: F841 -- DuckDB would find it in this frame
        with embedded()._ready()._connect() as connection, pytest.raises(duckdb.CatalogException):
            connection.sql("SELECT * FROM secrets")

    def test_a_join_of_everything_with_everything_ends_at_the_deadline(self):
        with pytest.raises(BackendTimedOut), within(0.3):
            ask("SELECT a.ra FROM gaia.stars a, gaia.stars b ORDER BY a.ra LIMIT 5", 5)

    def test_rows_that_are_read_slowly_end_at_the_deadline_too(self):
        with within(0.3) as scope:
            stream = embedded().run(Query("SELECT a.ra FROM gaia.stars a, gaia.stars b", 10**9))
        with pytest.raises(BackendTimedOut):
            stream.read_all()
        assert scope.over

    def test_a_deadline_that_comes_while_a_query_is_being_prepared_is_kept(self, monkeypatch):
        class Slow:
            """A connection that takes longer to understand a query than there is time."""

            def __init__(self, connection):
                self.connection = connection
                self.close, self.interrupt = connection.close, connection.interrupt

            def sql(self, text):
                time.sleep(0.2)
                return self.connection.sql(text)

        engine = embedded()._ready()
        connect = engine._connect
        monkeypatch.setattr(engine, "_connect", lambda: Slow(connect()))

        with pytest.raises(BackendTimedOut):
            engine.run("SELECT max(a.ra * b.ra) FROM gaia.stars a, gaia.stars b", Scope(0.1))

    def test_without_a_scope_the_entrys_timeout_holds(self):
        archive = embedded()
        impatient = EmbeddedArchive(archive.config.model_copy(update={"timeout": 0.3}), http=None)

        with pytest.raises(BackendTimedOut):
            impatient.run(Query("SELECT a.ra FROM gaia.stars a, gaia.stars b ORDER BY a.ra", 1))

    def test_a_query_that_needs_too_much_memory_is_rejected_and_others_go_on(self):
        with pytest.raises(QueryRejected, match="needs more than the 512MB of memory"), within(60):
            ask("SELECT a.ra FROM gaia.stars a, gaia.stars b ORDER BY b.ra * a.ra", 10**9)

        assert count("source_id = 66714384142368256") == 1

    def test_a_fault_that_shows_late_is_rejected(self):
        with pytest.raises(QueryRejected, match="NGC"):
            ask("SELECT CAST(name AS INTEGER) FROM openngc.objects")

    def test_threads_ask_at_once_and_each_gets_its_own(self):
        def own(number):
            return count(f"hip <= {number}", "hipparcos.stars")

        with ThreadPoolExecutor(8) as threads:
            counts = list(threads.map(own, range(1, 41)))

        assert counts == sorted(counts)
        assert counts[2] == 3

    def test_a_forked_process_has_a_database_of_its_own(self):
        # In a process of its own, because this one has more threads than a fork can bear.
        run = subprocess.run(
            [sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=True
        )

        assert run.stdout.split() == ["child", "1", "parent", "1", "0"]

    def test_files_that_vanish_make_the_archive_unavailable(self, tmp_path):
        config = embedded().config.model_copy(
            update={"folder": tmp_path, "catalogues": ("openngc",)}
        )
        archive = EmbeddedArchive(config, http=None)
        archive.ping()
        for file in tmp_path.glob("*.parquet"):
            file.unlink()

        with pytest.raises(BackendUnavailable, match="cannot be read"):
            archive.run(Query("SELECT name FROM openngc.objects", 1)).read_all()


class TestEntry:
    def test_an_entry_says_which_catalogues(self, settings, tmp_path):
        settings.DATA_DIR = tmp_path
        configure(
            settings,
            tmp_path,
            "query:\n  archives:\n"
            "    - {id: stars, type: embedded, title: Stars, catalogues: [hipparcos]}\n",
        )

        archive = archives.for_gateway().get("stars")

        assert archives.problems() == []
        assert archive.config.folder == tmp_path / "catalogues"
        assert [t.name for t in archive.tables() if not t.name.startswith("tap_schema")] == [
            "hipparcos.stars"
        ]
        with pytest.raises(QueryRejected, match=r"no table gaia\.stars"):
            archive.run(Query("SELECT ra FROM gaia.stars", 1))
