"""Generated medical sentences in the form of umrc10."""
