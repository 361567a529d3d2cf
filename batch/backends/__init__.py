"""The batch systems ESAP can submit to: one file per kind."""
