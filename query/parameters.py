"""What ESAP's parameters mean in a dataset, and which of them a caller may know of."""

from query.backends.base import Archive, Dataset, ParameterMapping, archives, mappings

__all__ = ["mapping_of", "mappings_for"]


def mapping_of(archive: Archive, dataset: Dataset) -> ParameterMapping:
    """Return what ESAP's parameters mean in a dataset; nothing, if no entry says."""
    name = dataset.mapping or archive.config.mapping
    return mappings.for_gateway().get(name) if name else ParameterMapping(id="none", parameters={})


def mappings_for(caller: object) -> list[ParameterMapping]:
    """Return all mappings but those that only archives use which the caller may not.

    Their columns would tell what there is in these archives.
    """
    theirs = {name for archive in archives.for_caller(caller) for name in _used_by(archive)}
    others = {name for archive in archives.for_gateway() for name in _used_by(archive)} - theirs
    return [mapping for mapping in mappings.for_caller(caller) if mapping.id not in others]


def _used_by(archive: Archive) -> set[str]:
    config = archive.config
    return {config.mapping, *(dataset.mapping for dataset in config.datasets)}
