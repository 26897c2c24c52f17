"""Meetings, their recordings, and the transcripts, summaries and action items made of them."""
