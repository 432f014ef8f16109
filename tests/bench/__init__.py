"""Figures, each beside a floor or a peer of the same run: `python -m bench`, with `tests` on the path."""
