"""What sampling buys and what it costs, measured on two sets of data."""
