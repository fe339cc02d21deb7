"""The Dockerfile's steps and the installer, really run in a bare Debian root: `make bare` (as root, about four minutes)."""
