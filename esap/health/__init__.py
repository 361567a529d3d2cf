"""Whether the gateway lives, whether it is ready, and how every peer is."""
