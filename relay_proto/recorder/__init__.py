"""The flight recorder: a core that is written down, and its recording run again."""
