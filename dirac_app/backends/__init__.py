"""The grids ESAP can submit to: one file per kind."""
