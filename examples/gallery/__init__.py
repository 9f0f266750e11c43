"""Pictures of the chapter's networks, and the code that makes them."""
