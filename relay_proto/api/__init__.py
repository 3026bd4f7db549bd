"""What a program says and sees: commands, builders, outcomes, views, routes."""
