"""Which songs will a listener like? See README.md."""
