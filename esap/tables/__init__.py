"""A table with units, UCDs and descriptions, and its encoders."""
