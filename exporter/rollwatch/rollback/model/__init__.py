"""Values that every part of the handler shares. Nothing here does any I/O."""
