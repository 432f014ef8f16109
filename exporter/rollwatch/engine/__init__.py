"""When a probe runs, under which deadline, and what its result does to the metrics."""
