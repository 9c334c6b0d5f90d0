"""How people are told outside the console: e-mail by SMTP, and signed webhooks."""
