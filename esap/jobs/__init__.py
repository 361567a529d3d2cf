"""Work that outlives a request: one record, one way to move it, one task that carries it out."""
