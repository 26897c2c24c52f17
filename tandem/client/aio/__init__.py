"""The asyncio client, which `tandem.client` exports."""
