"""The groups of measurements, each a function from a `Setting` to a `Report`."""
