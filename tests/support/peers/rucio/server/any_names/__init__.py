"""A policy package: what a site may change in Rucio. This one lets DIDs have any name.

Rucio's generic schema refuses all but letters, digits, `/`, `.`, `_` and `-`; sites may not, and
then names are what the gateway has to quote right. What is not here is as in the generic schema.
"""
