"""The files a picture can be saved to."""
