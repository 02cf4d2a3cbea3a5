"""How a question flows: one LangGraph state machine per file."""
