"""What makes sense beyond the shape of the fields: one module a subject, each a function from a view to diagnostics."""
