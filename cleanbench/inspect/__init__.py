"""``python -m cleanbench.inspect``: what a data set holds, before any method is run on it.

- `scan`: one look at every image: size, digests, or why it cannot be read; remembered.
- `copies`: images with the same content, inside a set and across two.
- `survey`: counts and findings as parts that the terminal and the page share.
- `showing`: these parts in the terminal and as one HTML file.
"""
