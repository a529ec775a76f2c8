"""How far a result would move with other items, and which methods can be told apart."""
