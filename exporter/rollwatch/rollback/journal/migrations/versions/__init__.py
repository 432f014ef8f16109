"""Once released, a file here is never changed."""
