"""What the front doors to other programs share: MCP, A2A and LangChain offer the same actions.

An action is a coroutine with typed arguments and a typed result (`schemas`, `actions`). `guard` stands before
the doors that listen on HTTP. Whatever comes in is data: a name is looked up and never a path, and files are
read only where whoever started the server said so.
"""
