"""Running an image in an emulated machine."""
