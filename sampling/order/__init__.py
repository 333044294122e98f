"""In which order rows are read, and how many of each class: pure arithmetic in numpy."""
