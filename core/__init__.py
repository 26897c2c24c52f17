"""The kernel that every app uses. It imports no app."""
