"""Wire protocols that two rooms need; no policy."""
