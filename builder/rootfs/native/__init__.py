"""Files that programs compute out of a root file system's other files, made by the builder's own tools, byte for byte."""
