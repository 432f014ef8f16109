"""What the demo releases: a repository, something that deploys what is pushed to it, and a bad release."""
