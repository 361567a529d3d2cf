"""What the gateway holds of a user: to take with them, and to have deleted."""
