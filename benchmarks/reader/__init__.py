"""The recipe of the reader that ships with Kedge: examples, training, calibration, export, scores."""
