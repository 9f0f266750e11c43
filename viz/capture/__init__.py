"""The true numbers of a computation: its values, its gradients, and summaries of both."""
