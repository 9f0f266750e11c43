"""NumPy code without derivatives: special functions, convolution, pooling, recurrent layers."""
