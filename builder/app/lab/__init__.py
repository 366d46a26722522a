"""Labs: made from a file and the images that were built, and started."""
