"""A laboratory for parametric injection: a made-up world, and a small model trained from scratch on it."""
