"""How the gateway talks to its peers: one interface, one registry, one way out."""
