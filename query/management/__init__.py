"""Commands of the query room."""
