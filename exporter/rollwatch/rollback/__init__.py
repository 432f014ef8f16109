"""The rollback handler: takes back the release that broke production, or says why it does not."""
