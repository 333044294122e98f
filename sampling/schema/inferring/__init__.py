"""What files hold -> a schema: sketches of columns in one pass, and the fields that they become."""
