"""Evidence: what is found out about a project by running it, each kind in a module of its own."""
