"""The OWASP API Security Top 10 (2023), a file for each; `tests.security.breaks` proves them."""
