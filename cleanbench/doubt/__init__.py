"""What numbers are worth where the truth itself is in doubt: labels drawn from probabilities, and thresholds moved."""
