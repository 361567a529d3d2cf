"""The data lake room over HTTP."""
