"""Run the whole gateway on one machine: what `make run` starts."""
