"""Programs that run the chapter's networks on real data: `python -m examples.bp_network`."""
