"""What the handler remembers, in SQLite or PostgreSQL. `journal.py` is the door; the rest is behind it."""
