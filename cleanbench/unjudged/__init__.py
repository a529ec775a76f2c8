"""What numbers leave open because not everything that is ranked was judged."""
