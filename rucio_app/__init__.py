"""Stage data with Rucio."""
