"""The domain: option chains in, ranked and explained rows out. No database, no server, no user interface."""
