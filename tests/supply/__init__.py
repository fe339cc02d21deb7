"""What duesync is made of: a list of its parts (SBOM), and whether one of them is known to be vulnerable."""
