"""The plain human page of both servers: a list, a form, a fault switch. It works without JavaScript."""
