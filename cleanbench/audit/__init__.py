"""What a ranking is worth to somebody who reviews it: budgets, stopping, hours, cuts."""
