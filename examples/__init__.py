"""Tasks to try the library on."""
