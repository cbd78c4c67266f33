"""The official SDKs as clients: one module per dialect writes what a step asks and reads what the SDK returns."""
