"""The WebSocket: it turns bytes into whole text messages, and messages into bytes."""
