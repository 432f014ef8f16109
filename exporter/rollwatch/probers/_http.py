"""One HTTP exchange, from name to last byte, phase by phase. Shared by the kinds that speak HTTP."""
