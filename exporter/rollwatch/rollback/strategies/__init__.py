"""One file per way of taking a release back."""
