"""Pictures and tables that answer one question: health, comparison, neurons, paths, gradients."""
