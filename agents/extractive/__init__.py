"""The embedded cast: rules, word lists and a sentence encoder; no language model, no network."""
