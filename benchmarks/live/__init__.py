"""How many can listen to one process, and what the live system costs those who write."""
