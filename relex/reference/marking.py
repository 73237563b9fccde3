"""Marking by string replacement, as the authors do it (UMRC Table 2): every occurrence, the head first."""


def replace_all(text, head, tail, marks):
    """The marked text; unambiguous when no occurrence of the head touches a character of one of the tail."""
    head_open, head_close, tail_open, tail_close = marks
    text = text.replace(head, head_open + head + head_close)
    return text.replace(tail, tail_open + tail + tail_close)
