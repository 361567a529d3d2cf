"""The entries that ship, and the checks of what entries say of one another."""

from itertools import permutations

import pytest

from esap.checks import check_entries
from query.adql.names import column_name, table_name
from query.backends import base
from query.checks import check_references
from query.parameters import mapping_of
from tests.support.sample_archives import SAMPLE, configure

archives = base.archives.for_gateway
mappings = base.mappings.for_gateway


def datasets():
    return [(archive, dataset) for archive in archives() for dataset in archive.config.datasets]


class TestShipped:
    def test_all_is_valid(self):
        assert check_entries() == []
        assert check_references() == []

    def test_well_known_archives_are_there(self):
        assert {
            "gaia_bright", "hipparcos", "openngc", "astron_vo", "vizier", "simbad", "esa_gaia",
            "eso", "cadc", "mast", "irsa", "heasarc", "ned",
        } <= set(archives().ids())  # fmt: skip

    def test_every_archive_says_whose_it_is_and_how_to_thank(self):
        for archive in archives():
            config = archive.config
            for value in (
                config.institute, config.description, config.documentation_url,
                config.acknowledgement, config.short_description,
            ):  # fmt: skip
                assert value, config.id

    def test_addresses_that_were_never_asked_say_so(self):
        remote = [archive.config for archive in archives() if archive.config.url]

        assert {config.checked for config in remote} == {"no: written down without a network"}

    def test_every_dataset_has_a_position_and_names_that_adql_can_write(self):
        for archive, dataset in datasets():
            mapping = mapping_of(archive, dataset)
            assert mapping.rule("ra"), dataset.id
            assert mapping.rule("dec"), dataset.id
            assert table_name(dataset.table)
            for column in dataset.columns:
                assert column_name(column)

    def test_embedded_datasets_name_tables_and_columns_that_are_there(self):
        for archive, dataset in datasets():
            if archive.config.type != "embedded":
                continue
            tables = {table.name: table.columns for table in archive.tables()}
            columns = {column.name for column in tables[dataset.table]}
            mapping = mapping_of(archive, dataset)
            assert {mapping.rule(name).column for name in mapping.parameters} <= columns
            assert dataset.title_field in columns

    def test_numbers_are_the_published_ones_or_small(self):
        numbers = {dataset.id: dataset.pk for _, dataset in datasets()}

        assert archives().get("astron_vo").config.pk == 3
        assert mappings().get("vo").pk == 6
        assert (numbers["lotss-dr1"], numbers["lotss-pdr"]) == (9, 12)
        assert max(numbers.values()) < 1000
        assert max(archive.config.pk for archive in archives()) < 1000

    def test_no_id_is_part_of_another(self):
        """The published interface selects archives and datasets by parts of their ids."""
        for ids in (archives().ids(), [dataset.id for _, dataset in datasets()]):
            for one, other in permutations(ids, 2):
                assert one not in other, (one, other)


def sentences(settings, tmp_path, old: str, new: str) -> list[tuple[str, str]]:
    """Check the sample entries with one text changed; return what is wrong, and the mends."""
    assert SAMPLE.count(old) >= 1
    file = configure(settings, tmp_path, SAMPLE.replace(old, new, 1))
    return [
        (found.msg.removeprefix(f"{file}, "), found.hint.replace(f"{file}", "FILE"))
        for found in check_references()
    ]


class TestChecks:
    def test_the_sample_is_right(self, settings, tmp_path):
        assert sentences(settings, tmp_path, "Red", "Red") == []

    @pytest.mark.parametrize(
        ("change", "message", "mend"),
        [
            (
                ("mapping: text", "mapping: texts"),
                "line 41: there is no mapping 'texts'.",
                "There are: obscore, text.",
            ),
            (
                ("table: names}", "table: names, mapping: radio}"),
                "line 44: there is no mapping 'radio'.",
                "There are: obscore, text.",
            ),
            (
                ("      mapping: text\n", ""),
                "line 43: the dataset 'south-names' has no mapping.",
                "Add 'mapping:' to it or to its archive, such as 'mapping: obscore'.",
            ),
            (
                ("table: names}", "table: names, collection: x}"),
                "line 44: the mapping 'text' does not say which column is the collection.",
                "Add 'collection:' to the mapping, or leave it out here.",
            ),
            (
                ("      number: 7\n", "      number: 6\n"),
                "line 16: the mapping number 6 is already used by 'obscore' (FILE, line 4).",
                "Choose another.",
            ),
            (
                ("id: south-names", "id: north-red"),
                "line 44: the dataset id 'north-red' is already used by 'north' (FILE, line 19).",
                "Choose another.",
            ),
            (
                ("{id: south-tap, number: 36", "{id: north, number: 36"),
                "line 42: the catalog id 'north' is already used by 'north' (FILE, line 19).",
                "Choose another.",
            ),
            (
                ("- id: hidden\n", "- id: navbar\n"),
                "line 45: 'navbar' is the name of another configuration.",
                "Give the archive another id.",
            ),
        ],
        ids=[
            "archive-mapping", "dataset-mapping", "no-mapping", "no-collection", "mapping-number",
            "dataset-id", "catalog-id", "reserved",
        ],
    )  # fmt: skip
    def test_a_mistake_is_told_with_its_line_and_mend(
        self, settings, tmp_path, change, message, mend
    ):
        file = tmp_path / "entries.yaml"
        expected = (message.replace("FILE", str(file)), mend)

        assert sentences(settings, tmp_path, *change) == [expected]

    def test_entries_that_are_no_entries_are_left_to_the_other_check(self, settings, tmp_path):
        text = (
            "query:\n  archives:\n    - {id: odd, catalog: x, datasets: y}\n    - {datasets: [z]}\n"
        )
        configure(settings, tmp_path, text)

        assert check_references() == []
