"""E-mail: text and HTML, by the SMTP server that the operator names."""
