"""What was found in texts of one's own: its scores against a gold standard, and the graph that it makes."""
