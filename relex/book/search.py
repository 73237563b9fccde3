"""A Sphinx extension: the index of a Chinese book in a part of the time.

Sphinx asks of every word whether it is among the Latin words of all pages so far, and keeps these in a list, one entry
an occurrence. That takes half of a build of this book. A set gives the same answers at once.
"""

from sphinx.search.zh import SearchChinese


class Words(set):
    """Words with the one method of lists that Sphinx calls."""

    extend = set.update


def setup(app) -> dict:
    """What Sphinx calls."""
    SearchChinese.latin_terms = Words(SearchChinese.latin_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
