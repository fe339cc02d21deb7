"""What a connector is tested and shown with: blocks for sandboxes, loopback HTTP, a vault in memory, and the contract."""
