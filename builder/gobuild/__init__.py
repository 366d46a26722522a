"""Cross-compiling Go modules with a locked toolchain and locked modules."""
