"""Tests of the project; `./run-tests` runs them."""
