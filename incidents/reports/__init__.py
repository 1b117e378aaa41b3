"""What leaves the product as a file for people: incidents as CSV and PDF. docs/reports.md."""
