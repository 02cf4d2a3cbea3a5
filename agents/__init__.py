"""Who decides: roles, their decisions, and the casts that play them."""
