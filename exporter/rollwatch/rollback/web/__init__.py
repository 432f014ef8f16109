"""What operators, CI and programs ask of the handler: the REST API, and the actions behind it."""
