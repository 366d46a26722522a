"""C from source with zig alone: no compiler, make or autoconf of the host's takes part."""
