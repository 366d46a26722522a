"""Files of the checkout that are generated from the code."""

# What a generated file says of its origin, and what a test says when one is not current.
COMMAND = "python -m builder.cli.generate"
