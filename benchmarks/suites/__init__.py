"""Suites: what is measured on public data sets, from the data to the table."""
