"""All that puts something onto the Hub."""
