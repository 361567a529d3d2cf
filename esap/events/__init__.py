"""The small ASGI process that holds event streams and long polls."""
