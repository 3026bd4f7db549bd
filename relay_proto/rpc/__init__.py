"""Text messages to typed frames and events, and what of them may be shown."""
