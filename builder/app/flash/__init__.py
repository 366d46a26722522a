"""From what somebody wants to flash to devices that were written and read back."""
