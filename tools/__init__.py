"""What can be acted on: the knowledge base, search, walks on the graph, encoders, models."""
