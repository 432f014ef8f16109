"""How the tables came to be, one file for each change. Run when the journal is opened."""
