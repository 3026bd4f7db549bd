"""Values: what the arguments and attributes of all others may be, and how that is checked."""
