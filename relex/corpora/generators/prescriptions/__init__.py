"""Generated English statements on drugs that do not exist."""
