"""Figures, and the skeleton of HTML pages."""
