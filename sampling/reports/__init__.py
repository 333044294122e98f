"""What a report is made of: rows, measures, pictures, the page. See `sampling.report`."""
