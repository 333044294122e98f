"""The default model of classifiers: a wide and deep network, its optimizer, and its baseline."""
