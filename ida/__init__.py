"""Analyse data interactively, in notebooks."""
