"""Which customers will buy a brand: 1 buyer to 28 non-buyers."""
