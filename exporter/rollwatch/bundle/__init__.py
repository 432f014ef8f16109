"""What turns metrics into the right page to the right person: rules, routes, templates, and their papers."""
