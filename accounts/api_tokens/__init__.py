"""Personal API tokens: made by a user, for scripts of theirs, with no more rights than they need."""
