"""What a program says and sees: commands, builders, arguments, outcomes, views, routes, public names."""
