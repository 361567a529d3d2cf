"""The part of the schema that differs from the generic one."""

NAME = {"description": "Data Identifier name", "type": "string", "minLength": 1, "maxLength": 250}

# What is asked about needs a letter or a digit in its name, in the generic schema.
R_NAME = NAME

# The other generic schemas look these up; these two have them written in.
SCHEMAS = {"name": NAME, "r_name": R_NAME}
