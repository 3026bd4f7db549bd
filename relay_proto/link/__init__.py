"""One transport after another: open, authenticate, stay alive, reconnect; requests under way."""
