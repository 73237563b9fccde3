"""What one does with a model on text of one's own."""
