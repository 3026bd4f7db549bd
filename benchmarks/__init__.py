"""The vendor's client, ours and a program with nothing in it, against one server."""
