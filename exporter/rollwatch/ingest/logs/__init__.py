"""Sources of log lines: followed files, named pipes, standard input."""
