"""A report in the forms that people and other programs read. Each is a pure function of the report."""
