"""What a running rollback does, one kind of step per file; `runner.py` decides which comes next."""
