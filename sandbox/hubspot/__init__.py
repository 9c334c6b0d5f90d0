"""HubSpot in miniature: contacts, search, properties, OAuth, webhooks; several portals in one server."""
