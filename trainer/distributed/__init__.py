"""A training by several processes: started on this machine, and what each of them does."""
