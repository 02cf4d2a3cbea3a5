"""How it is scored: data sets, metrics, suites, performance."""
