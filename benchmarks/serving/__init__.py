"""How fast answers are, beside what others would write or take for it."""
