"""What belongs together in a computation: groups, what belongs to them, folding, focus."""
