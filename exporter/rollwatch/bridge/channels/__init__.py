"""One file per channel; `channel.py` says what a channel is."""
