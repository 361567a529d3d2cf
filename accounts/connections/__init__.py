"""Connections: logins of a user at peers that have a login of their own, such as a hub."""
