"""One module per group of commands; each registers its commands with the application."""
