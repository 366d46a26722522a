"""Images onto devices: which devices there are, which may be written, writing them and reading back."""
