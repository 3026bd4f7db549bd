"""Text messages as typed frames and events, and what a log may show of them."""
