"""Files out of Debian's archive, and of archives that are laid out like it."""
