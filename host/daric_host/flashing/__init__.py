"""Images of devices, and what brings them onto boards."""
