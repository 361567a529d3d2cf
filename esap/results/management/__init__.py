"""Commands of the results app."""
