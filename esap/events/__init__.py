"""The events process: it holds the connections of all who listen to jobs."""
