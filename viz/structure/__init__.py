"""What belongs together in a computation: groups, where things are at home, folding, focus."""
