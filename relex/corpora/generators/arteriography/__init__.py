"""Generated arteriography findings in the form of the focused-attention paper's corpus."""
