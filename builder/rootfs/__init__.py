"""Root file systems out of Debian packages, made without running anything of them."""
