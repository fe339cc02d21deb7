"""The daemon's own HTTP: health, metrics and webhooks. Listens on loopback unless told otherwise."""
