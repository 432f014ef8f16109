"""A small production to measure and to break, and the supervisor that runs it beside rollwatch."""
