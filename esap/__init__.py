"""The platform: the Django project, and all that the rooms share."""
