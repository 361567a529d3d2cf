"""Personal API tokens: a user makes them for scripts, with no more rights than these need."""
