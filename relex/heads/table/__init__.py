"""Token-pair tables: a scheme says which cells stand for a triple, a scorer gives their logits, a loss trains them."""
