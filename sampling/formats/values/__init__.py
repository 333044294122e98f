"""Values as a format has them -> values of a schema's types; what can't be one is named."""
