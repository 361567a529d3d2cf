"""The data lakes ESAP can stage from: one file per kind."""
