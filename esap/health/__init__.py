"""Whether the gateway lives, is ready, and how its peers are."""
