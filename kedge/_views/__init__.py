"""How answers, documents and graphs look: in a terminal, in a notebook, and as a page.

`clean` makes data safe to print, `paths` turns an evidence path into a tree, `terminal` draws with rich,
`html` and `graph` write self-contained pages. Documents and model output are data here: nothing in them is
ever read as markup, as a terminal escape or as script.
"""
