"""The night's report: one HTML page that needs nothing but itself, made from the night's record."""
