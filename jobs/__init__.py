"""Training runs that a page's visitors ask for: whose they are, what is allowed, where they run."""
