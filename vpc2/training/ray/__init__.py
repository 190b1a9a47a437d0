"""The queue on a Ray cluster. Nothing else imports ray."""
