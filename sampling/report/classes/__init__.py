"""A page on predictions of many classes: rows, measures, pictures, and how they make a page."""
