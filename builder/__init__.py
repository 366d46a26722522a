"""Builder: recipes in, reproducible cluster binaries and bootable images for edge devices out."""
