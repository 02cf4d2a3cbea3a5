"""Kedge."""
