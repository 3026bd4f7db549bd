"""Bytes to whole text messages and back: the WebSocket and its short path."""
