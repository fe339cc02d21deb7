"""What clients read: letters as values, rendered to subject, text and HTML in the client's language. Pure."""
