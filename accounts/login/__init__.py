"""Logging in at an OpenID provider, and out again, in a browser."""
