"""One module per page or family of pages; each registers its routes, with the right that each asks for."""
