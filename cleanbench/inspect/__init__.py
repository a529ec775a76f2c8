"""``python -m cleanbench.inspect``: what a data set holds, before any method is run on it.

- `scan`: one look at every image: size, digests, or why it cannot be read; remembered.
- `copies`: images with the same content, inside a set and across two.
- `survey`: what the set holds, as parts that the terminal and the page share.
- `sameness`: the same of copies, and of what contradicts about them.
- `showing`: these parts as one HTML file, with images where the licence allows.
"""
