"""What a program uses: commands, builders, outcomes, and what its handles show."""
