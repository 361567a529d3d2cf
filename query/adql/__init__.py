"""ADQL, the Astronomical Data Query Language (IVOA ADQL 2.0 and 2.1), as the gateway writes it.

A query is a small frozen syntax tree; its text is made from the tree and from nothing else, so no
value that a user gives can become anything but one literal.
"""

from query.adql.conditions import Compare, Condition, Contains, InCone, OneOf
from query.adql.cone import Cone
from query.adql.names import column_name, table_name
from query.adql.select import Select
from query.adql.values import Value, literal

__all__ = [
    "Compare",
    "Condition",
    "Cone",
    "Contains",
    "InCone",
    "OneOf",
    "Select",
    "Value",
    "column_name",
    "literal",
    "table_name",
]
