"""Waveforms of recordings."""

from django.db import models

from meetings.models.meetings import Meeting


class Waveform(models.Model):
    """One row = the waveform of a meeting's recording, as the engine that decoded it measured it."""

    meeting = models.OneToOneField(Meeting, models.CASCADE, primary_key=True, related_name="+")
    #: Of the recording that was measured: another one may have replaced it.
    recording_sha256 = models.CharField(max_length=64)
    #: The greatest amplitudes of equal spans, one byte each: 0 = silence, 255 = full scale.
    peaks = models.BinaryField()

    def __str__(self) -> str:
        return f"Waveform of {self.meeting_id}"
