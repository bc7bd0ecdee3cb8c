"""Import and export: texts in the forms in which people keep them."""
