"""Faults planted in a clean base, over any data set: ``contamination=xr|blur|aug|arte|lbl|lblc|mixed`` and more.

The protocols are those of Gröger et al., "Intrinsic Self-Supervision for Data Quality Audits" (NeurIPS 2024); each
class says where it departs from them. In Python: ``zoo.load("aug", "contamination", fraction=0.1).apply(image_set)``.
"""
