"""What calls, actions, dials and text messages have become."""
