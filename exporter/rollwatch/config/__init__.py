"""One YAML file becomes one frozen, typed value; or every problem in it is said at once."""
