"""The batches of all lanes: examples on the device or streamed to it, drawn and varied."""
