"""`node.yaml`: what a device is told about itself, on the partition that every computer can read."""
