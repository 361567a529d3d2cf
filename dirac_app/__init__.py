"""Run jobs on the grid with DIRAC."""
