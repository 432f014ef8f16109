"""How faults are switched from outside: a loopback endpoint and its client."""
