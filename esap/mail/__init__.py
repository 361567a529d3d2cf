"""Mail: who asked for it hears when a job has ended."""
