"""File formats: files of one class, cut into blocks of rows that are read as tables."""
