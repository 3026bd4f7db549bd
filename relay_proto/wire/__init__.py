"""Bytes to whole text messages and back: the WebSocket, and a short path for its ordinary frames."""
