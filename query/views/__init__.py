"""What the query room answers: one file per face."""
