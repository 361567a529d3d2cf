"""Profiles: who the caller is, in the published shape and in ours."""
