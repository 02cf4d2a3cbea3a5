"""CRUMQ sets."""
