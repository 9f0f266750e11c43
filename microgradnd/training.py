"""Training: the loop over epochs and batches, its history, callbacks, early stopping."""
