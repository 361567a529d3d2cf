"""Long work: one record, one state machine, one task."""
