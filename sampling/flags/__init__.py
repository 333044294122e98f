"""Command lines: flags as data, and how they are parsed."""
