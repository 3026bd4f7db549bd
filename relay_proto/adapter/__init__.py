"""What both adapters share: it stands on the core, and nothing of the core imports it."""
