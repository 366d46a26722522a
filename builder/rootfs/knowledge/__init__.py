"""What is known of maintainer scripts: which text has which effects."""
