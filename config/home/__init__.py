"""The home page of the admin site: faults to mend, running processes and recent activity. It refreshes itself."""
