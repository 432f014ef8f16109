"""What survives the process: one SQLite database, used by one thread."""
