"""The home page of the admin site: what needs a hand, what runs, and what happens. It refreshes itself."""
