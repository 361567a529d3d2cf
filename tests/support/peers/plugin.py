"""Start the real peers that tests ask for, and tell at the end which ran."""
