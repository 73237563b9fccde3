"""What the book says of records: tables, differences, verdicts. Reads records and printed figures; needs no torch."""
